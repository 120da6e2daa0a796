// The page's own words in two languages, and times as China reads them.

const WORDS = {
  en: {
    title: "Inbox", sandbox: "WeChat sandbox", subtitle: "what the sandbox’s followers received", skip: "Skip to the phone",
    accounts: "Accounts", people: "Followers and sends", followers: "Followers", sends: "Sends",
    search: "Name, WeChat name or openid", hint: "Name or openid", tag: "Tag", anyTag: "Every tag", all: "Show every follower",
    pages: "Pages", previous: "Previous page", next: "Next page", range: "{from}–{to} of {total}",
    phone: "Phone", messages: "Messages", details: "Details", back: "Back to the messages",
    tab: "Open in a tab of its own", live: "live", lost: "connection lost, trying again",
    other: "中文", theme: "Theme: {now}", auto: "auto", light: "light", dark: "dark",
    service: "service account", subscription: "subscription account", test: "test account",
    unverified: "unverified account", nFollowers: "{n} followers", nSends: "{n} sends",
    noFollowers: "No follower matches.", noSends: "Nothing was sent from this account yet.",
    noMessages: "Nothing has arrived on this phone yet.", pick: "Choose a follower to see the phone.",
    missing: "Called, but not in this sandbox (40066): {paths}", phoneOf: "Phone of {name}", received: "Received {id}", unfollowed: "no longer follows",
    unread: "{n} unread", earlier: "Earlier messages", preview: "Preview", recalled: "Recalled",
    gone: "Recalled: opens an empty page", nPictures: "{n} pictures", playing: "Pause", play: "Play",
    unplayable: "This browser cannot play this format.", noFile: "The file is no longer stored.",
    type_text: "Text", type_mpnews: "Article", type_voice: "Voice", type_image: "Picture",
    type_mpvideo: "Video", type_video: "Video", type_wxcard: "Card", type_music: "Music",
    newspic: "Picture post", card: "Coupon", member: "Follower", openid: "openid", wxname: "WeChat name",
    remark: "Remark", tags: "Tags", message: "Message", kind: "Kind", job: "Send", time: "Time in China",
    status: "Status", reached: "Reached", of: "{n} of {total}", receivers: "Show who received it",
    waiting: "waits for the administrator", SENDING: "sending", SEND_SUCCESS: "sent", SEND_FAIL: "failed",
    DELETE: "recalled", nobody: "Nobody has received this send: {why}.",
    noClient: "none given; the platform goes by the content",
    arrived: "New message for {name}: {what}", sentMore: "{name}: {n} new sends",
  },
  zh: {
    title: "收件箱", sandbox: "微信沙箱", subtitle: "沙箱粉丝收到的消息", skip: "跳到手机",
    accounts: "公众号", people: "粉丝与群发", followers: "粉丝", sends: "群发",
    search: "昵称、微信号或 openid", hint: "昵称或 openid", tag: "标签", anyTag: "全部标签", all: "显示全部粉丝",
    pages: "翻页", previous: "上一页", next: "下一页", range: "{from}–{to}，共 {total}",
    phone: "手机", messages: "消息", details: "详情", back: "返回消息列表",
    tab: "在新标签页打开", live: "实时", lost: "连接已断开，正在重试",
    other: "English", theme: "外观：{now}", auto: "跟随系统", light: "浅色", dark: "深色",
    service: "服务号", subscription: "订阅号", test: "测试号",
    unverified: "未认证号", nFollowers: "{n} 位粉丝", nSends: "{n} 次群发",
    noFollowers: "没有符合条件的粉丝。", noSends: "这个公众号还没有发送过消息。",
    noMessages: "这部手机还没有收到消息。", pick: "选择一位粉丝，查看手机。",
    missing: "调用了沙箱里没有的接口（40066）：{paths}", phoneOf: "{name} 的手机", received: "收到 {id}", unfollowed: "已取消关注",
    unread: "{n} 条未读", earlier: "更早的消息", preview: "预览", recalled: "已撤回",
    gone: "已撤回：打开后是空白页", nPictures: "{n} 张图片", playing: "暂停", play: "播放",
    unplayable: "浏览器不支持播放这种格式。", noFile: "文件已不在沙箱中。",
    type_text: "文本", type_mpnews: "图文", type_voice: "语音", type_image: "图片",
    type_mpvideo: "视频", type_video: "视频", type_wxcard: "卡券", type_music: "音乐",
    newspic: "贴图", card: "卡券", member: "粉丝", openid: "openid", wxname: "微信号",
    remark: "备注", tags: "标签", message: "消息", kind: "类别", job: "群发", time: "北京时间",
    status: "状态", reached: "送达", of: "{n} / {total}", receivers: "查看收到的粉丝",
    waiting: "等待管理员确认", SENDING: "发送中", SEND_SUCCESS: "发送成功", SEND_FAIL: "发送失败",
    DELETE: "已撤回", nobody: "还没有人收到这次群发：{why}。",
    noClient: "未提供，平台按内容判断",
    arrived: "{name} 收到新消息：{what}", sentMore: "{name}：新增 {n} 次群发",
  },
};

let language = "en";

export const spoken = () => language;

export function speak(wanted) {
  language = wanted in WORDS ? wanted : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export function say(word, values = {}) {
  const found = WORDS[language][word] ?? word;
  return found.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export const number = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);

const format = (time, options) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: "Asia/Shanghai", ...options }).format(time);

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export const clock = (time) => format(time, CLOCK);
export const day = (time) => format(time, { month: "short", day: "numeric" });
export const moment = (time) => format(time, { month: "short", day: "numeric", ...CLOCK });
export const whole = (time) => format(time, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

// Puts words on what the page's markup marks with data-word, data-label and data-hint.
export function letter(root = document) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = say(node.dataset.hint);
  for (const node of root.querySelectorAll("button[data-label], a[data-label]")) node.title = say(node.dataset.label);
  document.title = `${say("title")} · ${say("sandbox")}`;
}
