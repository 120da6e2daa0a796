// What articles have beyond CommonMark and GFM: boxes, notes, formulas, marks, templates, front matter, bold in Chinese.

import { Language } from "@codemirror/language";
import { markdownLanguage } from "@codemirror/lang-markdown";

// A piece of a line that a pattern describes; `marks` characters at each end only mark it.
const piece = (name, before, first, pattern, marks = 0) => ({
  defineNodes: marks ? [name, `${name}Mark`] : [name],
  parseInline: [{
    name, before,
    parse(cx, next, pos) {
      const found = first.includes(String.fromCharCode(next)) && pattern.exec(cx.slice(pos, cx.end));
      if (!found) return -1;
      const end = pos + found[0].length;
      const ends = marks ? [cx.elt(`${name}Mark`, pos, pos + marks), cx.elt(`${name}Mark`, end - marks, end)] : [];
      return cx.addElement(cx.elt(name, pos, end, ends));
    },
  }],
});

// `**“好茶。”**他说` is bold, though punctuation meets a letter; CommonMark would show the stars.
const STRONG = { resolve: "StrongEmphasis", mark: "EmphasisMark" };
const strong = {
  parseInline: [{
    name: "ChineseStrong", before: "Emphasis",
    parse(cx, next, pos) {
      const around = cx.slice(Math.max(cx.offset, pos - 1), pos), after = cx.slice(pos + 2, pos + 3);
      if (next !== 42 || cx.char(pos + 1) !== 42 || after === "*" || around === "*") return -1;
      return cx.addDelimiter(STRONG, pos, pos + 2, /\S/.test(after), /\S/.test(around));
    },
  }],
};

const box = {
  defineNodes: [{ name: "Box", block: true }],
  parseBlock: [{
    name: "Box", before: "FencedCode",
    parse(cx, line) {
      if (!line.text.startsWith(":::", line.pos)) return false;
      cx.addElement(cx.elt("Box", cx.lineStart + line.pos, cx.lineStart + line.text.length));
      cx.nextLine();
      return true;
    },
    endLeaf: (cx, line) => /^\s{0,3}:::/.test(line.text),
  }],
};

const frontMatter = {
  defineNodes: [{ name: "FrontMatter", block: true }],
  parseBlock: [{
    name: "FrontMatter", before: "HorizontalRule",
    parse(cx, line) {
      if (cx.lineStart !== 0 || line.text !== "---" || !/^[\w-]+\s*:/.test(cx.peekLine())) return false;
      let end = 3;
      while (cx.nextLine()) {
        end = cx.lineStart + line.text.length;
        if (line.text === "---") { cx.nextLine(); break; }
      }
      cx.addElement(cx.elt("FrontMatter", 0, end));
      return true;
    },
  }],
};

const parser = markdownLanguage.parser.configure([
  { remove: ["LinkReference"] }, // it would take `[^1]:说明`, a note, for an address
  piece("Template", "Escape", "{", /^(?:\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\})/),
  piece("Formula", "Escape", "$", /^(?:\$\$[^$]+\$\$|\$(?=\S)[^$\n]*\S\$(?!\d))/),
  piece("Note", "Link", "[^", /^(?:\[\^[^\]\s]+\]|\^\[[^\]\n]*\])/),
  piece("Mark", "Emphasis", "=", /^==(?=[^\s=])[^=\n]{1,200}?==(?!=)/, 2),
  strong, box, frontMatter,
]);

export const article = new Language(markdownLanguage.data, parser, [], "markdown");
