// The page's own words in two languages, and times as China reads them.

// Each word in English and Chinese.
const WORDS = {
  title: ["Inbox", "收件箱"], sandbox: ["WeChat sandbox", "微信沙箱"],
  subtitle: ["what the sandbox’s followers received", "沙箱粉丝收到的消息"], skip: ["Skip to the phone", "跳到手机"],
  accounts: ["Accounts", "公众号"], people: ["Followers and sends", "粉丝与群发"], followers: ["Followers", "粉丝"],
  sends: ["Sends", "群发"], sent: ["Sends and previews", "群发与预览"], search: ["Name, WeChat name or openid", "昵称、微信号或 openid"],
  hint: ["Name or openid", "昵称或 openid"], tag: ["Tag", "标签"], anyTag: ["Every tag", "全部标签"],
  all: ["Show every follower", "显示全部粉丝"], pages: ["Pages", "翻页"], previous: ["Previous page", "上一页"],
  next: ["Next page", "下一页"], range: ["{from}–{to} of {total}", "{from}–{to}，共 {total}"], phone: ["Phone", "手机"],
  messages: ["Messages", "消息"], details: ["Details", "详情"], back: ["Back to the messages", "返回消息列表"],
  tab: ["Open in a tab of its own", "在新标签页打开"], live: ["live", "实时"],
  lost: ["connection lost, trying again", "连接已断开，正在重试"], other: ["中文", "English"],
  theme: ["Theme: {now}", "外观：{now}"], auto: ["auto", "跟随系统"], light: ["light", "浅色"], dark: ["dark", "深色"],
  service: ["service account", "服务号"], subscription: ["subscription account", "订阅号"],
  test: ["test account", "测试号"], unverified: ["unverified account", "未认证号"],
  nFollowers: ["{n} followers", "{n} 位粉丝"], nSends: ["{n} sends", "{n} 次群发"],
  nPreviews: ["{n} previews", "{n} 次预览"],
  noFollowers: ["No follower matches.", "没有符合条件的粉丝。"],
  noSends: ["Nothing was sent from this account yet.", "这个公众号还没有发送过消息。"],
  noMessages: ["Nothing has arrived on this phone yet.", "这部手机还没有收到消息。"],
  pick: ["Choose a follower to see the phone.", "选择一位粉丝，查看手机。"],
  missing: ["Called, but not in this sandbox (40066): {paths}", "调用了沙箱里没有的接口（40066）：{paths}"],
  phoneOf: ["Phone of {name}", "{name} 的手机"], received: ["Received {id}", "收到 {id}"],
  unfollowed: ["no longer follows", "已取消关注"], unread: ["{n} unread", "{n} 条未读"],
  earlier: ["Earlier messages", "更早的消息"], preview: ["Preview", "预览"], recalled: ["Recalled", "已撤回"],
  gone: ["Recalled: opens an empty page", "已撤回：打开后是空白页"], nPictures: ["{n} pictures", "{n} 张图片"],
  playing: ["Pause", "暂停"], play: ["Play", "播放"],
  unplayable: ["This browser cannot play this format.", "浏览器不支持播放这种格式。"],
  noFile: ["The file is no longer stored.", "文件已不在沙箱中。"], type_text: ["Text", "文本"],
  type_mpnews: ["Article", "图文"], type_voice: ["Voice", "语音"], type_image: ["Picture", "图片"],
  type_mpvideo: ["Video", "视频"], type_video: ["Video", "视频"], type_wxcard: ["Card", "卡券"],
  newspic: ["Picture post", "贴图"], card: ["Coupon", "卡券"], member: ["Follower", "粉丝"],
  openid: ["openid", "openid"], wxname: ["WeChat name", "微信号"], tags: ["Tags", "标签"],
  message: ["Message", "消息"], kind: ["Kind", "类别"], job: ["Send", "群发"], time: ["Time in China", "北京时间"],
  status: ["Status", "状态"], reached: ["Reached", "送达"], of: ["{n} of {total}", "{n} / {total}"],
  missed: ["{n} not reached: four this month already, or no longer a follower", "{n} 位没收到：本月已收满 4 次，或已取消关注"],
  receivers: ["Show who received it", "查看收到的粉丝"], waiting: ["waits for the administrator", "等待管理员确认"],
  SENDING: ["sending", "发送中"], SEND_SUCCESS: ["sent", "发送成功"], SEND_FAIL: ["failed", "发送失败"],
  DELETE: ["recalled", "已撤回"], nobody: ["Nobody has received this send: {why}.", "还没有人收到这次群发：{why}。"],
  noClient: ["none given; WeChat goes by the content", "未提供，微信按内容判断"],
  arrived: ["New message for {name}: {what}", "{name} 收到新消息：{what}"],
  sentMore: ["{name}: {n} new sends", "{name}：新增 {n} 次群发"],
};

let language = "en";

export const spoken = () => language;

export function speak(wanted) {
  language = wanted === "zh" ? "zh" : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export function say(word, values = {}) {
  const found = WORDS[word]?.[language === "zh" ? 1 : 0] ?? word.replace(/^type_/, "");
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
