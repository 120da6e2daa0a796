-- The state of the sandbox. Sets of followers (subscribed, members, delivered) are bitmaps, see store.py.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE account (
  appid TEXT PRIMARY KEY, kind TEXT NOT NULL, secret TEXT NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL,
  subscribed BLOB NOT NULL);
CREATE TABLE follower (
  appid TEXT NOT NULL, n INTEGER NOT NULL, openid TEXT NOT NULL, nickname TEXT NOT NULL, wxname TEXT NOT NULL,
  subscribe_time INTEGER NOT NULL, PRIMARY KEY (appid, n)) WITHOUT ROWID;
CREATE UNIQUE INDEX follower_openid ON follower (appid, openid);
CREATE INDEX follower_wxname ON follower (appid, wxname);
CREATE TABLE tag (
  appid TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, members BLOB NOT NULL, PRIMARY KEY (appid,
  id));
CREATE TABLE token (
  token TEXT PRIMARY KEY, appid TEXT NOT NULL, space TEXT NOT NULL, issued_at REAL NOT NULL,
  expires_at REAL NOT NULL);
CREATE INDEX token_latest ON token (appid, space, issued_at);
CREATE TABLE media (
  appid TEXT NOT NULL, media_id TEXT NOT NULL, kind TEXT NOT NULL, permanent INTEGER NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL, description TEXT NOT NULL, url TEXT NOT NULL, content_type TEXT NOT NULL,
  data BLOB NOT NULL, created_at REAL NOT NULL, by_api INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (appid, media_id));
CREATE INDEX media_url ON media (url);
CREATE TABLE draft (
  appid TEXT NOT NULL, media_id TEXT NOT NULL, articles TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL,
  PRIMARY KEY (appid, media_id));
-- endpoint is the path it came by; clientmsgid the client's, or the digest that stands for it; finish_at when it
-- ends, or is given up while it waits for the administrator; total the followers addressed, and
-- verdict `send success` or the err(N) it ends with; draft the one it sends. Times are seconds since 1970.
-- What is long comes last: a query that does not ask for it then does not read it.
CREATE TABLE job (
  msg_id INTEGER PRIMARY KEY, appid TEXT NOT NULL, msg_data_id INTEGER, endpoint TEXT NOT NULL,
  msgtype TEXT NOT NULL, clientmsgid TEXT NOT NULL, is_to_all INTEGER NOT NULL, created_at REAL NOT NULL,
  finish_at REAL NOT NULL, waits INTEGER NOT NULL, status TEXT NOT NULL, verdict TEXT NOT NULL,
  recalled TEXT NOT NULL DEFAULT '[]', total INTEGER NOT NULL, delivered_count INTEGER NOT NULL,
  draft TEXT NOT NULL, content TEXT NOT NULL, body TEXT NOT NULL, delivered BLOB NOT NULL);
CREATE INDEX job_clientmsgid ON job (appid, clientmsgid, created_at);
CREATE INDEX job_created ON job (appid, created_at);
CREATE INDEX job_open ON job (finish_at) WHERE status = 'SENDING';
CREATE TABLE preview (
  id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, n INTEGER NOT NULL, msgtype TEXT NOT NULL,
  content TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE counter (
  appid TEXT NOT NULL, name TEXT NOT NULL, period TEXT NOT NULL, used INTEGER NOT NULL,
  PRIMARY KEY (appid, name, period)) WITHOUT ROWID;
CREATE TABLE request (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, appid TEXT NOT NULL, rid TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL, body TEXT NOT NULL,
  errcode INTEGER, fault TEXT NOT NULL, served INTEGER NOT NULL);
CREATE TABLE fault (id INTEGER PRIMARY KEY AUTOINCREMENT, spec TEXT NOT NULL, skip INTEGER NOT NULL,
  times INTEGER);
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, created_at REAL NOT NULL, fields TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'due');
