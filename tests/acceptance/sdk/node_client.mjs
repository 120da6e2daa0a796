// Uses co-wechat-api, wechat-api, node-easywechat and wechat-crypto as their documentation shows them.
// Arguments: the sandbox's URL, the folder whose node_modules holds them, a folder for files.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { once } from "node:events";
import { createServer } from "node:http";
import { promisify } from "node:util";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";

const [, , SANDBOX, HOME, FOLDER] = process.argv;
const require = createRequire(join(HOME, "package.json"));
const APPID = "wx0000000000000001";
const SECRET = "0".repeat(32);
const TOKEN = "a-token";
const AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

const png = file("封面.png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const jpeg = file("a.jpg", [0xff, 0xd8, 0xff, 0xe0]);
const mp3 = file("a.mp3", [0x49, 0x44, 0x33, 0x03]);
const mp4 = file("a.mp4", [0, 0, 0, 0x18, 0x66, 0x74, 0x79, 0x70]);

function file(name, head) {
  const path = join(FOLDER, name);
  writeFileSync(path, Buffer.concat([Buffer.from(head), Buffer.alloc(64)]));
  return path;
}

async function control(name, body) {
  const answer = await fetch(`${SANDBOX}/_sandbox/${name}`, { method: "POST", body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
}

async function coWechatApi() {
  const API = require("co-wechat-api");
  const api = new API(APPID, SECRET);
  api.prefix = api.fileServerPrefix = `${SANDBOX}/cgi-bin/`;
  const people = (await api.getFollowers()).data.openid;
  assert.equal(people.length, 60);
  const { tag } = await api.createTags("新品");
  await api.batchTagging(people.slice(0, 3), tag.id);
  await api.batchUnTagging(people.slice(2, 3), tag.id);
  await api.updateTag(tag.id, "新品二");
  assert.equal((await api.getTags()).tags.find((found) => found.id === tag.id).count, 2);
  assert.deepEqual((await api.getUsersFromTag(tag.id)).data.openid, people.slice(0, 2));
  assert.ok((await api.getIdList(people[0])).tagid_list.includes(tag.id));
  await api.deleteTag(tag.id);
  assert.ok(!(await api.getUser(people[0])).tagid_list.includes(tag.id));
  assert.equal((await api.batchGetUsers(people.slice(0, 2))).user_info_list.length, 2);

  assert.ok((await api.uploadMedia(png, "image")).media_id);
  assert.ok((await api.uploadThumbMedia(jpeg)).thumb_media_id);
  assert.match((await api.uploadImage(png)).url, /^http:\/\/mmbiz\.qpic\.cn\//);
  const image = await api.uploadImageMaterial(png);
  assert.equal((await api.getMaterial(image.media_id)).length, 72);
  const voice = await api.uploadVoiceMaterial(mp3);
  const film = await api.uploadVideoMaterial(mp4, { title: "标题", introduction: "简介" });
  assert.equal((await api.getMaterial(film.media_id)).description, "简介");
  assert.equal((await api.getMaterialCount()).video_count, 1);
  assert.equal((await api.getMaterials("image", 0, 20)).item[0].name, "封面.png");

  for (const preview of [api.previewImage(people[1], image.media_id), api.previewVoice(people[1], voice.media_id)])
    assert.equal((await preview).errcode, 0);
  await api.previewText(people[1], "试");
  await api.massSendText("你好", 2, "node-1");
  await api.massSendImage(image.media_id, people.slice(0, 2), "node-2");
  await api.massSendVoice(voice.media_id, people.slice(2, 4), "node-3");
  const clip = { media_id: (await api.uploadVideoMedia(mp4)).media_id, title: "标题", description: "简介" };
  const sent = await api.massSendMPVideo(clip, people.slice(4, 6), "node-4");
  assert.equal((await api.getMassMessageStatus(sent.msg_id)).msg_status, "SEND_SUCCESS");
  await api.deleteMass(sent.msg_id);
  assert.equal((await api.getMassMessageStatus(sent.msg_id)).msg_status, "DELETE");
  await control("clock", { advance_s: 60 });
  await assert.rejects(api.massSendText("你好", 2, "node-1"), { code: 45065, message: /^clientmsgid exist/ });
  await control("clock", { advance_s: 7200 });
  await api.removeMaterial(film.media_id); // its token has ended: it fetches another by itself
}

async function wechatApi() {
  const API = require("wechat-api");
  const api = new API(APPID, SECRET);
  api.endpoint = SANDBOX;
  api.fileServerPrefix = `${SANDBOX}/cgi-bin/`;
  const call = (name, ...given) => promisify(api[name]).call(api, ...given);
  const people = (await call("getFollowers")).data.openid;
  const { tag } = await call("createTag", "旧客");
  await call("membersBatchtagging", tag.id, people.slice(0, 2));
  assert.equal((await call("getTagUsers", tag.id, "")).count, 2);
  const image = await call("uploadMaterial", png, "image");
  assert.ok((await call("uploadMedia", png, "image")).media_id);
  assert.ok((await call("uploadImage", png)).url);
  await call("previewText", people[1], "试");
  await call("massSendText", "旧客户端", tag.id);
  await call("massSendImage", image.media_id, people.slice(6, 8));
  const sent = await call("massSendText", "旧客户端，全部", true);
  assert.equal((await call("getMassMessageStatus", sent.msg_id)).msg_status, "SEND_SUCCESS");
}

async function nodeEasywechat() {
  const { OfficialAccount } = require("node-easywechat");
  const ServerRequest = require("node-easywechat/dist/Core/Http/ServerRequest");
  const FormData = createRequire(require.resolve("node-easywechat"))("form-data");
  const keys = { app_id: APPID, secret: SECRET, token: TOKEN, aes_key: AES_KEY, use_stable_access_token: true };
  const config = { ...keys, http: { baseURL: `${SANDBOX}/` }, file_cache: { path: FOLDER } };
  const client = new OfficialAccount(config).getClient();
  const post = async (path, json) => (await client.post(`/cgi-bin/${path}`, { json })).toObject();

  const finished = [];
  const server = createServer(async (request, response) => {
    const app = new OfficialAccount(config); // one a request: a second would decrypt with the first's signature
    app.setRequest(await ServerRequest.createFromIncomingMessage(request));
    const handler = app.getServer();
    handler.addEventListener("MASSSENDJOBFINISH", async (message, next) => {
      finished.push(message);
      return next(message);
    });
    const reply = await handler.serve();
    response.writeHead(reply.getStatusCode());
    response.end(reply.getBody().toString());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  await control("accounts", { appid: APPID, callback: { url, token: TOKEN, aes_key: AES_KEY } });

  const form = new FormData();
  form.append("media", createReadStream(jpeg));
  const upload = await client.post("/cgi-bin/material/add_material", { params: { type: "image" }, formData: form });
  const article = { title: "标题", content: "<p>正文</p>", thumb_media_id: upload.toObject().media_id };
  const { media_id } = await post("draft/add", { articles: [article] });
  await post("draft/update", { media_id, index: 0, articles: { ...article, digest: "摘要" } });
  assert.equal((await post("draft/get", { media_id })).news_item[0].digest, "摘要");
  assert.equal((await post("draft/batchget", { offset: 0, count: 20, no_content: 1 })).total_count, 1);
  await post("message/mass/preview", { towxname: "tester1", msgtype: "mpnews", mpnews: { media_id } });
  const sent = await post("message/mass/sendall", {
    filter: { is_to_all: false, tag_id: 2 },
    msgtype: "mpnews",
    mpnews: { media_id },
    send_ignore_reprint: 1,
    clientmsgid: "node-5",
  });
  const images = { media_ids: [article.thumb_media_id], recommend: "看图" };
  await post("message/mass/sendall", { filter: { is_to_all: true }, msgtype: "image", images, clientmsgid: "node-6" });
  assert.equal((await post("message/mass/get", { msg_id: String(sent.msg_id) })).msg_status, "SEND_SUCCESS");
  await post("message/mass/delete", { msg_id: sent.msg_id, article_idx: 1 });

  for (let waited = 0; finished.length < 2 && waited < 200; waited += 1)
    await new Promise((done) => setTimeout(done, 50));
  assert.ok(finished.some((event) => String(event.MsgID) === String(sent.msg_id)));
  assert.ok(finished.every((event) => event.Status === "send success"));
  server.close();
}

async function wechatCrypto() {
  const crypto = new (require("wechat-crypto"))(TOKEN, AES_KEY, APPID);
  const pushed = [];
  const server = createServer(async (request, response) => {
    const query = new URL(request.url, SANDBOX).searchParams;
    if (request.method === "GET") return response.end(query.get("echostr"));
    let body = "";
    for await (const chunk of request) body += chunk;
    const encrypted = /<Encrypt><!\[CDATA\[(.*?)\]\]>/.exec(body)[1];
    const signature = crypto.getSignature(query.get("timestamp"), query.get("nonce"), encrypted);
    response.end("success");
    pushed.push({ signed: signature === query.get("msg_signature"), ...crypto.decrypt(encrypted) });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  await control("accounts", { appid: APPID, callback: { url, token: TOKEN, aes_key: AES_KEY } });
  const API = require("co-wechat-api");
  const api = new API(APPID, SECRET);
  api.prefix = `${SANDBOX}/cgi-bin/`;
  const sent = await api.massSendText("加密", 2, "node-7");
  // What the client before has sent may be told of here, too, and first.
  const wanted = `<MsgID>${sent.msg_id}</MsgID>`;
  for (let waited = 0; !pushed.some(({ message }) => message.includes(wanted)) && waited < 200; waited += 1)
    await new Promise((done) => setTimeout(done, 50));
  assert.ok(pushed.some(({ message }) => message.includes(wanted)), "the send was not told of");
  assert.ok(pushed.every(({ signed, id }) => signed && id === APPID));
  server.close();
}

for (const client of [coWechatApi, wechatApi, nodeEasywechat, wechatCrypto]) {
  await client();
  console.log(`${client.name} ok`);
}
process.exit(0); // the SDKs keep connections open
