"""Faults that the tests must find: a line of the program each, changed, and what that would let happen."""

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """A text that stands once in a file, and what takes its place."""

    old: str
    new: str
    why: str
    """What the program would do then."""
    equal: str = ""
    """Why no test can find it, or none does; empty where one must."""


CLOCK: Final = "    if abs(facts.clock_skew) > CLOCK_TOLERANCE:\n        return Reason.CLOCK_SKEW\n"
LISTED: Final[dict[str, tuple[Mutant, ...]]] = {
    "protocol/attempt.py": (
        Mutant("timedelta(seconds=60)", "timedelta(hours=1)", "a call begins an hour after its decision"),
        Mutant("TRIES: Final = 8", "TRIES: Final = 1", "nothing is decided again after a conflict"),
        Mutant('EventKind.REJECTED, {"reason"', 'None, {"reason"', "a call that was not made is unknown"),
        Mutant(
            "except errors.NoResponseError as error:\n            result.error = error",
            "except errors.NoResponseError as error:\n            end, told = EventKind.REJECTED, {}",
            "a lost answer frees the send",
        ),
        Mutant(
            "begin_by = min(begin_by, datetime.fromisoformat(ends))", "pass", "a call begins after its window"
        ),
        Mutant(
            'datetime.fromisoformat(intent.data["at"]) + BEGIN_WITHIN',
            "intent.at + BEGIN_WITHIN",
            "a call has 60 s from its record, however old its decision",
        ),
        Mutant(
            '"intent": intent.hash, **told',
            '"intent": intent.previous, **told',
            "a result names another event",
        ),
        Mutant(
            "            self.refresh()\n            at =", "            at =", "it decides on an old view"
        ),
        Mutant("            self.api.ensure_token()\n", "", "the token is fetched after the intent"),
        Mutant(
            " or not (action is Action.SEND or _is_of(decision, data))",
            "",
            "a resend of another body is made",
        ),
        Mutant("decision.action is not action or not", "not", "a call is made whatever was decided"),
        Mutant(', "after": self.state.head.hash}', "}", "an intent does not name what it was decided on"),
        Mutant("append(entry, after=self.state.head)", "append(entry)", "others write between"),
        Mutant("if not tries_left:\n", "if True:\n", "a conflict ends the run"),
        Mutant("if event.seq == self.state.head.seq + 1:", "if True:", "events of others are passed over"),
        Mutant(
            'replace(plain, data={**data, "mac": mac_of(self.mac_key, plain)})', "plain", "events have no mac"
        ),
        Mutant(
            'for n in ("clientmsgid", "body_sha256")', 'for n in ("clientmsgid",)', "another body is resent"
        ),
        Mutant(
            'for n in ("clientmsgid", "body_sha256")', 'for n in ("body_sha256",)', "another key is resent"
        ),
        Mutant(
            "EventKind.RESEND if action is Action.RESEND else ", "", "a resend is recorded as a first call"
        ),
        Mutant('{**body, "clientmsgid": key}, begin_by', "{**body}, begin_by", "it posts without the key"),
        Mutant('("msg_id", "msg_data_id", "errcode")', '("msg_data_id", "errcode")', "the msg_id is lost"),
        Mutant(
            "except errors.LedgerError as error:",
            "except errors.LedgerConflictError as error:",
            "a result that cannot be recorded ends the run as an error",
        ),
    ),
    "protocol/decide.py": (
        Mutant("timedelta(minutes=5)", "timedelta(hours=5)", "a clock may be five hours off"),
        Mutant(
            "timedelta(minutes=10)", "timedelta(minutes=5)", "a person settles while the call is under way"
        ),
        Mutant(
            "ARRIVES_WITHIN + CLOCK_TOLERANCE ",
            "ARRIVES_WITHIN ",
            "a clock that was behind settles too early",
        ),
        Mutant("(Status.UNKNOWN, Status.DISPUTED)", "(Status.UNKNOWN,)", "a disputed send begins again"),
        Mutant(
            "state.aliases(facts.id, *facts.formerly)", "state.aliases(facts.id)", "`formerly` is ignored"
        ),
        Mutant(
            'if mine.content_digest in ("", facts.content_digest):', "if True:", "an edit after it was sent"
        ),
        Mutant('in ("", facts.content_digest)', "in (facts.content_digest,)", "a baseline is a conflict"),
        Mutant(
            "record in reversed(records)",
            "record in records",
            "the sent record that counts",
            "of two that went out under two ids either says so: no call is made, and only the words differ",
        ),
        Mutant(
            "newest.revision > facts.revision:",
            "newest.revision > facts.revision + 99:",
            "an old revision is sent",
        ),
        Mutant(
            "_other_form(state, facts, names) or _moved(", "_moved(", "`for_each` comes, and all get it again"
        ),
        Mutant(" or _moved(state, facts, names)", "", "a moved file is sent again"),
        Mutant("moved or _draft_taken(state, facts, names)", "moved", "what a person has is sent, too"),
        Mutant(
            "_takers(state, record.drafts,",
            "_takers(state, set(),",
            "resent while a person has the same draft",
        ),
        Mutant(
            "in _UNKNOWN or record.is_by_hand", "in _UNKNOWN", "what a person sent is sent under another id"
        ),
        Mutant(
            "        and replace(SendId.parse(name), batch=None) not in lists\n",
            "",
            "batches wait for each other",
        ),
        Mutant("_OUTSIDE.get(blocker, Action.BLOCKED)", "Action.BLOCKED", "outside its window it is blocked"),
        Mutant("and all(now >= at", "and any(now >= at", "a person settles before the last call has arrived"),
        Mutant(f"{CLOCK}    if facts.not_after", "    if facts.not_after", "a wrong clock sends"),
        Mutant(
            f"{CLOCK}    if facts.not_after",
            f"{CLOCK.replace('abs', '')}    if facts.not_after",
            "a clock that is behind sends",
        ),
        Mutant("facts.now > facts.not_after:", "False:", "it is sent after its window"),
        Mutant("facts.now < facts.not_before:", "False:", "it is sent before its window"),
        Mutant("if state.holds_at(facts.now):", "if False:", "a hold stops nothing"),
        Mutant("if facts.last_hold not in (None, state.last_hold):", "if False:", "what was held goes on"),
        Mutant("return Reason.POLICY if facts.find_violations() else None", "return None", "no rule blocks"),
        Mutant("if EventKind.DUPLICATE in record.ends.values():", "if False:", "45065 is called a forgery"),
        Mutant(
            "record.status is Status.DISPUTED or intent is None",
            "intent is None",
            "a forged intent is posted",
        ),
        Mutant("len(twins) > 1", "len(twins) > 2", "a message under two ids is resent"),
        Mutant(
            "one.revision == record.revision and one.status is not",
            "one.status is not",
            "the revision before stops a resend",
        ),
        Mutant(
            f"{CLOCK}    if facts.now < since",
            "    if facts.now < since",
            "by a wrong clock a resend is too early or too late",
        ),
        Mutant("since + facts.resend_after:", "since:", "a resend does not wait for the response"),
        Mutant(
            "since + facts.resend_until:",
            "max(record.calls.values()) + facts.resend_until:",
            "each attempt renews the 20 hours",
        ),
        Mutant("timedelta(hours=20)", "timedelta(hours=30)", "it resends after WeChat forgot the key"),
        Mutant("if not is_same and not facts.resend_stored:", "if False:", "the old text is resent unasked"),
        Mutant(
            "(record.content_digest, record.revision) == (facts.content_digest, facts.revision)",
            "record.content_digest == facts.content_digest",
            "the old revision is resent in place of the new one",
        ),
        Mutant(
            "not_before=None, not_after=not_after", "not_before=None, not_after=None", "a resend has no end"
        ),
        Mutant(
            "not_before=None, not_after=not_after", "not_after=not_after", "a resend waits for its window"
        ),
        Mutant(
            "if name not in names and record.status is not Status.REJECTED\n",
            "if name not in names\n",
            "a rejected send of another form is in the way",
        ),
        Mutant(
            "if record.revision >= facts.revision\n", "if record.revision > facts.revision\n", "sent twice"
        ),
        Mutant(
            "or record.fate is Fate.HANDED_OVER  # as under one id",
            "# as under one id",
            "a person sends it, and the program its next revision under another id",
        ),
        Mutant("if record.fate is Fate.HANDED_OVER:  # what", "if False:  # what", "a forgery, or to resend"),
        Mutant(
            "Reason.HANDED_OVER if is_same else Reason.EDITED", "Reason.HANDED_OVER", "an edit is not shown"
        ),
        Mutant("facts.is_only_part and record.status in _UNKNOWN", "False", "an unknown part is passed over"),
        Mutant(
            "return Reason.SPLIT if facts.is_only_part else None", "return None", "an entry renamed is new"
        ),
        Mutant("if (theirs.batch is None) is not (mine.batch is None):", "if False:", "a list that is split"),
        Mutant('record.data.get("list_sha256") != facts.list_sha256', "False", "an edited list is sent"),
        Mutant(
            "if (theirs.entry is None) is not (mine.entry is None):", "if False:", "`for_each` comes or goes"
        ),
        Mutant("Message(state.stream, normalize_id", 'Message("", normalize_id', "the AppID is not compared"),
        Mutant(
            "record.status is not Status.REJECTED and message.id not in",
            "message.id not in",
            "a rejected send that was moved is in the way",
        ),
        Mutant("not facts.is_current(message) and _shares", "_shares", "two campaigns of one text are one"),
        Mutant(
            "return not hashes(", "return False and not hashes(", "a list renamed and grown is sent again"
        ),
        Mutant(
            "of_content(facts.content_digest, facts.message_digest)",
            "of_content(facts.content_digest)",
            "another list with the same text is not looked at",
        ),
    ),
    "protocol/state.py": (
        Mutant(" if left[0] is None else Status.DISPUTED", "", "45065 to a first call counts as sent"),
        Mutant(
            "Status.ACCEPTED if left[0] is None else Status", "Status", "45065 to a resend needs a person"
        ),
        Mutant(
            "for end in ends if end != EventKind.REJECTED]", "for end in ends]", "a rejection frees nothing"
        ),
        Mutant("if self.is_forged:\n", "if False:\n", "a forged event is passed over"),
        Mutant(
            "Status.UNKNOWN if left else Status.REJECTED",
            "Status.REJECTED",
            "a call without an answer is free",
        ),
        Mutant(
            "in self.calls.items() if", "in reversed(self.calls.items()) if", "each attempt renews the window"
        ),
        Mutant(
            "if not is_authentic or _is_copy(event, calls):", "if not is_authentic:", "copies are believed"
        ),
        Mutant("if not is_authentic or _is_copy(", "if _is_copy(", "forgeries are believed"),
        Mutant("return replace(self, is_forged=True)", "return self", "a forged event is passed over"),
        Mutant(
            "begins = is_origin and self.status is not Status.ACCEPTED", "begins = is_origin", "sent is lost"
        ),
        Mutant('moment(data["at"])}\n', "event.at}\n", "the window is counted from another moment"),
        Mutant(
            "if self.status is not Status.ACCEPTED:\n                    ends",
            "if True:\n                    ends",
            "what WeChat accepted is settled as not sent",
        ),
        Mutant(
            "EventKind.REJECTED), False", "EventKind.REJECTED), is_forged", "a person cannot settle a forgery"
        ),
        Mutant("{**ends, event.hash: EventKind.ACCEPTED}", "{**ends}", "settled as sent changes nothing"),
        Mutant("in (None, EventKind.REJECTED):", "in (None,):", "a late acceptance is lost"),
        Mutant(
            "if kind == EventKind.ACCEPTED:  # who", "if False:  # who", "an edit is shown as what was sent"
        ),
        Mutant(
            "first_at=self.first_at) if begins else self\n",
            "first_at=self.first_at)\n",
            "what was told is lost",
        ),
        Mutant('return event.data["intent"] not in calls', "return False", "the end of another call counts"),
        Mutant(
            'return event.kind != EventKind.BASELINE and event.data.get("after") != event.previous',
            "return False",
            "a copied intent or settlement counts",
        ),
        Mutant(
            "event.kind != EventKind.BASELINE and event.data", "event.data", "a baseline is taken for a copy"
        ),
        Mutant("            self.last_hold = event.hash\n", "", "a hold that was released stops no run"),
        Mutant(
            "elif is_authentic:\n                for", "else:\n                for", "a forged release counts"
        ),
        Mutant("self.holds.pop(ended, None)", "self.holds.clear()", "a release ends holds it does not know"),
        Mutant(" if now <= end]", "]", "a hold never ends"),
        Mutant("if is_authentic and (former :=", "if (former :=", "a forged alias counts"),
        Mutant("max(self._latest, event.at)", "event.at", "a clock that was ahead is forgotten"),
        Mutant("max(self._latest, hold.at) + (", "hold.at + (", "by a slow clock a hold is over at once"),
        Mutant(
            "OverflowError):\n            return _NEVER",
            "OverflowError):\n            return _LONG_AGO",
            "a hold whose end cannot be read is over",
        ),
        Mutant(
            "self._by_content.setdefault(digest, set()).add(name)",
            "self._by_content[digest] = {name}",
            "of two sends of one content one is forgotten",
        ),
        Mutant("names = self.aliases(send_id, *former)", "pass", "`formerly` is not remembered"),
        Mutant("else (None, one.entry)", "else (one.entry,)", "the whole in place of a part"),
        Mutant("if EventKind.ACCEPTED in self.ends.values():", "if False:", "an accepted send is not sent"),
        Mutant(
            "case EventKind.INTENT | EventKind.HANDED_OVER | EventKind.RESEND:",
            "case EventKind.INTENT | EventKind.RESEND:",
            "what was handed over is free",
        ),
        Mutant(
            "status is Status.UNKNOWN and kind == EventKind.HANDED_OVER",
            "kind == EventKind.HANDED_OVER",
            "a forged end of what was handed over is shown as handed over",
        ),
    ),
    "protocol/verdict.py": (
        Mutant(" if isinstance(msg_id, int) and msg_id > 0 else None", "", "0 without a job is accepted"),
        Mutant('_REJECTED and not answer.get("msg_id") else', "_REJECTED else", "a job beside an errcode"),
        Mutant("if errcode in _REJECTED and not", "if errcode and not", "an unknown errcode frees a send"),
        Mutant("Final = 45066", "Final = 45067", "45066 is no answer"),
        Mutant("return EventKind.DUPLICATE", "return EventKind.ACCEPTED", "45065 is an acceptance"),
        Mutant("frozenset({45028})", "frozenset({45028, -1})", "`busy` frees a send"),
        Mutant("frozenset({45067})", "frozenset({45067, 45066})", "it depends on the order"),
    ),
    "protocol/keys.py": (
        Mutant("normalize_id(send_id), revision]", "normalize_id(send_id)]", "a new revision is refused"),
        Mutant('["clientmsgid", appid, ', '["clientmsgid", ', "two accounts have one key"),
        Mutant("appid, normalize_id(send_id), rev", "appid, send_id, rev", "two spellings have two keys"),
        Mutant(
            'normalize("NFC", normalize("NFC", text).casefold())', 'normalize("NFC", text)', "case counts"
        ),
        Mutant('normalize("NFC", normalize("NFC", text).casefold())', "text.casefold()", "NFD is another id"),
        Mutant("ledger-mac/1/{appid}", "ledger-mac/1/", "one account signs for another"),
        Mutant("[entry.stream, entry.kind", "[entry.kind", "an event moves to another account"),
        Mutant("entry.kind, written, entry.nonce]", "entry.kind, written]", "the nonce is not signed"),
        Mutant("[entry.stream, entry.kind, written", "[entry.stream, written", "the kind is not signed"),
        Mutant("[1-9][0-9]*", "[0-9]+", "one batch has two ids"),
        Mutant(".encode(), hashlib.sha256)", ".encode()[:1], hashlib.sha256)", "a secret of one letter"),
    ),
    "protocol/events.py": (
        Mutant("at.tzinfo is None or not", "not", "a time without an offset is believed"),
    ),
    "ledger/events.py": (
        Mutant("and after != head:", "and after.seq != head.seq:", "only the number of the end is compared"),
        Mutant("if after is not None and after != head:", "if False:", "an intent follows whatever came"),
        Mutant("return hash_of(event) == event.hash", "return True", "an edited event is believed"),
        Mutant("Head(event.seq - 1, event.previous) != since or not", "not", "events may be left out"),
        Mutant("return None if since == head else head.seq", "return None", "the last events may be cut off"),
        Mutant(
            "not events or events[0].head != since",
            "not events",
            "the seen event may be another",
            "what follows does not begin at it: the chain breaks there, in other words",
        ),
        Mutant(
            "for event in later if event.stream != stream]", "for event in later if False]", "wrong account"
        ),
        Mutant("if faults := find_chain_faults(events, heads):", "if False:", "a broken export is imported"),
        Mutant("if faults := find_chain_faults(*snapshot):", "if False:", "a broken chain is read"),
        Mutant("head=before or head, after=before or after", "head=before or head", "no compare"),
        Mutant('if data["format"] != FORMAT:', "if False:", "a newer format is misread"),
        Mutant("entry, after=events[-1].head if events else EMPTY)", "entry)", "decided on another end"),
    ),
    "ledger/sqlite.py": (
        Mutant("pragma synchronous = full", "pragma synchronous = normal", "a power cut takes an intent"),
        Mutant(
            'begin: str = "begin immediate"',
            'begin: str = "begin"',
            "two runners chain to one event",
            "SQLite refuses to write on a view that has moved: a run fails, and no chain forks",
        ),
        Mutant("if self._files and self._files != _files_at(self._path):", "if False:", "a replaced file"),
        Mutant(
            "been replaced in the meantime.\n            self._check_same_files()",
            "been replaced in the meantime.",
            "replaced while it was written",
        ),
        Mutant(
            "                self._check_same_files()\n                yield db",
            "                yield db",
            "replaced before it was read",
            "the check after the transaction finds it, before anything is decided on what was read",
        ),
        Mutant('"insert or replace into head values', '"insert or ignore into head values', "old head"),
        Mutant("elif not _BESIDE.match(str(sql)):", "elif False:", "a trigger loses a hold"),
        Mutant(
            "where stream = ? and seq >= ? order", "where stream = ? and seq > ? order", "seen is not proven"
        ),
        Mutant('db.execute("begin exclusive")', 'db.execute("begin")', "two runners hold one account"),
        Mutant('if db.execute("select 1 from head").fetchone():', "if False:", "an import mixes two pasts"),
        Mutant("check_place(path, mount_table())\n                self", "self", "a network file system"),
        Mutant("path.stat().st_nlink > 1", "path.stat().st_nlink > 2", "a hard link is used"),
        Mutant(
            'has_log = path.with_name(f"{path.name}-wal").exists()', "has_log = False", "the log is not read"
        ),
        Mutant('for end in ("", "-wal", "-shm"):', 'for end in ("",):', "another log"),
        Mutant("[0] != APPLICATION_ID:", "[0] is None:", "another program's file is written"),
        Mutant("if version > VERSION:", "if False:", "a newer program's file is written"),
        Mutant("if kind in NETWORK:", "if False:", "a network file system is used"),
    ),
    "ledger/git.py": (
        Mutant(
            "lease = f\"--force-with-lease={self._remote.ref}:{self._seen.tip or ''}\"",
            'lease = "--force"',
            "a push overwrites what others pushed",
        ),
        Mutant("unanswered.append((events, commit))", "pass", "an event whose answer was lost is kept twice"),
        Mutant("git_tree.rewritten_files(self._git, str(before), tip)", "[]", "a rewritten branch is read"),
        Mutant(
            "elif known.get(git_tree.TIP) is not None:", "elif False:", "a deleted branch is a new ledger"
        ),
        Mutant("if self._fresh_at < asked else", "if self._seen.tip is None else", "it reads what it has"),
        Mutant("if copy.heads:\n", "if False:\n", "an import mixes two pasts"),
        Mutant("if not self.tries:\n", "if False:\n", "`pushInsteadOf` leads elsewhere"),
        Mutant('{"loose-object", "reference"} <= set', '{"reference"} <= set', "doctor says it is safe"),
        Mutant("return verified_after(stream, events, since, head)", "return tuple(events)", "no chain"),
    ),
    "ledger/git_tree.py": (
        Mutant('if status != "A"]', 'if status == "D"]', "a changed event is not noticed"),
        Mutant(
            "verified(snapshot(git, tip, streams), str(folder))",
            "snapshot(git, tip, streams).events",
            "the local copy is believed as it is",
        ),
        Mutant(
            "verified(snapshot(git, tip, streams), ref)", "snapshot(git, tip, streams).events", "no chain"
        ),
    ),
    "ledger/postgres.py": (
        Mutant("where stream = %s for update", "where stream = %s", "two runners chain to one event"),
        Mutant("if again:\n", "if False:\n", "an event whose answer was lost is kept twice"),
        Mutant("with confirmed(db):\n                yield db", "yield db", "a standby does not have it"),
        Mutant("if stream not in self._held and self._ask(", "if self._ask(", "two threads hold one account"),
        Mutant("e.seq >= %s where", "e.seq > %s where", "what was seen is not proven"),
        Mutant(
            "fetchone():\n                    raise not",
            "fetchone() and False:\n                    raise not",
            "an import mixes two pasts",
        ),
        Mutant("do update set seq = excluded.seq, hash = excluded.hash", "do nothing", "an old head"),
        Mutant("if not as_written or odd.fetchall():", "if False:", "a trigger loses a hold"),
    ),
    "ledger/postgres_pool.py": (
        Mutant("if warnings:\n", "if False:\n", "a commit without its standby counts"),
        Mutant(
            'if not bound and environ.get("PGPASSWORD"):', "if False:", "a stranger's host gets the password"
        ),
        Mutant('extra["sslmode"] = "verify-full"', 'extra["sslmode"] = "prefer"', "TLS is not required"),
        Mutant(
            'environ.get("PGSSLCERT") else "scram-sha-256"',
            'environ.get("PGSSLCERT") else "password"',
            "a password goes out in clear",
        ),
        Mutant("'off', 'on'), false", "'on', 'off'), false", "a power cut takes an intent"),
        Mutant("if scalar(db, SESSION) != db.info.backend_pid:", "if False:", "a pooler shares sessions"),
    ),
    "ledger/rollback_guard.py": (
        Mutant("in sorted(marks.items()):", "in ():", "nothing that was seen is compared"),
        Mutant("elif hashes.get(seq) != digest:", "elif False:", "another past of the same length"),
        Mutant("if max(hashes) < seq:", "if False:", "a shorter ledger is called another one"),
        Mutant(
            "while mark[0] < last and hashes.get(mark[0]) == mark[1]:", "while mark[0] < last:", "overwrites"
        ),
        Mutant(", (self._chains, known))", ")", "an older copy in another place"),
        Mutant(
            "(self._memory, also), ",
            "",
            "what this process has seen",
            "the read before has just found it there: only a change between the two reads would tell",
        ),
        Mutant(
            "self._store.streams() | self._memory.marks().keys()", "self._store.streams()", "a lost account"
        ),
        Mutant("self._check(marks, chains, proven, also)", "pass", "a ledger that went back is read"),
        Mutant("self._check(self._memory.marks(), self._chains.marks(), proven, {})", "pass", "older import"),
        Mutant(
            "if any(lost_events({stream: mark}, proven) for mark in seen):\n            # What",
            "if False:\n            # What",
            "went back",
        ),
        Mutant(
            "if any(lost_events({stream: mark}, proven) for mark in seen):\n            self",
            "if False:\n            self",
            "an append to a ledger that went back is kept in silence",
        ),
        Mutant("self._memory.note(proven, memory)", "pass", "nothing is remembered of this place"),
        Mutant("self._chains.note(chains, chain)", "pass", "nothing is remembered of the chain"),
    ),
    "ledger/opened.py": (
        Mutant("!= {self._kept[stream][-1].head}:", "== set():", "a run reads what others wrote no more"),
    ),
    "ledger/trust.py": (
        Mutant(
            "if any(map(is_decision, entries if after is None else rest)):",
            "if False:",
            "a decision names no event before it",
        ),
        Mutant('if after is not None and "mac" not in first.data:', "if False:", "`after` is not written"),
        Mutant(
            "return hmac.compare_digest(str(",
            'return "mac" in event.data or hmac.compare_digest(str(',
            "any mac is believed",
        ),
        Mutant(
            'if event.data.get("after") == event.previous and holds(event):', "if holds(event):", "a copy"
        ),
        Mutant("== event.previous and holds(event):", "== event.previous:", "a forged `trusted` vouches"),
        Mutant("return event.hash not in distrusted and not", "return not", "what was forged becomes true"),
        Mutant("not in distrusted and not _is_misplaced(event)", "not in distrusted", "a copy becomes true"),
        Mutant("if is_held and _is_misplaced(event) and key_of(event.stream):", "if False:", "taken out"),
        Mutant("(LedgerKind.CALLBACK, LedgerKind.APPROVED)", "(LedgerKind.APPROVED,)", "a push needs a mac"),
        Mutant("return entry.kind not in RESULTS and", "return False and", "no `after`"),
        Mutant(
            "if follows and has_valid_mac(guard, key):", "if has_valid_mac(guard, key):", "a copied guard"
        ),
        Mutant("if follows and has_valid_mac(guard, key):", "if follows:", "a forged guard"),
        Mutant(
            "event.hash if event.kind == EventKind.REJECTED else str(", "str(", "a rejection is not asked"
        ),
        Mutant(
            "keys = (key, old) if old is not None else (key,)", "keys = (key,)", "the old secret is not used"
        ),
        Mutant(
            'before.union(event.data.get("distrusted", ()))',
            'frozenset(event.data["distrusted"])',
            "a second change of secret forgets the first one's forgeries",
        ),
    ),
    "ledger/fold.py": (
        Mutant("if environment.is_sandbox and production:", "if False:", "a rehearsal counts as sent"),
        Mutant("if any(event.kind in _OF_CALLS for event in events):", "if False:", "a rehearsal is a past"),
        Mutant(
            "is_authentic = self.is_authentic is None or self.is_authentic(event)",
            "is_authentic = True",
            "forgeries are believed",
        ),
        Mutant(
            "or not (environment.is_sandbox or state.stream(account.appid).is_initialized)",
            "",
            "an empty ledger counts as never sent",
        ),
    ),
    "ledger/approvals.py": (
        Mutant("is_signed_by(event, key)), None)", "True), None)", "anybody approves"),
        Mutant('if data["environment"] != asked.environment:', "if False:", "that of another environment"),
        Mutant("if approved is None or approved.digest != unit.digest:", "if False:", "an edit is approved"),
        Mutant("if approval.ended_by is not None:", "if False:", "what ended counts"),
        Mutant('if approval.event.data["rules"] != asked.rules:', "if False:", "by other rules"),
        Mutant("approved.names != unit.names:", "False:", "another tag of that name gets it"),
        Mutant("not asked.allows(*counts)", "False", "an audience that grew is approved"),
        Mutant("(None in counts or ", "(", "an audience that the approver did not see"),
        Mutant("event.seq > seen", "event.seq > seen + 9", "what came after the plan ends nothing"),
        Mutant("(account.last_stop, account", "(account", "a hold ends nothing"),
        Mutant('account.withdrawals.get(""), ', "", "all are withdrawn, and go out"),
        Mutant(", withdrawal_of(account, send)))", "))", "one is withdrawn, and goes out"),
        Mutant('if sha256(event.data.get("rules")) != rules]', "if False]", "rules A, B, A revive it"),
        Mutant(
            "len({*approvals.approvers.values()} & {*keys})",
            "len({*approvals.approvers.values()})",
            "whoever may approve has approved",
        ),
        Mutant(', (name, name.partition("[")[0])', ", (name,)", "a campaign is withdrawn in parts"),
        Mutant("if present is not None and not newest:", "if False:", "a key that a commit brings counts"),
        Mutant("(*recorded, present)", "(present,)", "a commit exchanges the key"),
        Mutant('"approval", entry.stream, entry.kind', '"approval", entry.kind', "it moves elsewhere"),
        Mutant('if name != "signature"}', 'if name not in ("signature", "sends")}', "another send"),
    ),
    "ledger/account.py": (
        Mutant('if event.data.get("after") != event.previous:', "if False:", "a copy counts after its end"),
        Mutant(
            '<= event.data["saw"]["seq"] < event.seq', '<= event.data["saw"]["seq"]', "it saw what came later"
        ),
        Mutant(
            "            check_shape(event)\n",
            "            pass\n",
            "odd data ends as an error of the program",
        ),
        Mutant("event.kind == LedgerKind.GUARD and is_authentic", "event.kind == LedgerKind.GUARD", "forged"),
        Mutant("{*UNRECEIVED, Fate.HANDED_OVER}", "{*UNRECEIVED}", "what nobody has sent uses the quota"),
    ),
    "ledger/checkpoint.py": (
        Mutant("_loaded(stream, body) if is_ours else None", "_loaded(stream, body)", "a forged checkpoint"),
        Mutant("code_digest(), stream.encode()", "stream.encode()", "that of another version"),
        Mutant("code_digest(), stream.encode(), body", "code_digest(), body", "that of another account"),
        Mutant(
            "if is_over and max(times) < account._latest - ENDED:", "if is_over:", "a quota is not counted"
        ),
    ),
    "ledger/open.py": (
        Mutant(
            "if not path.is_relative_to(default.parent):", "if False:", "a ledger outside the state folder"
        ),
        Mutant("if tree := next(", "if False and next(", "a commit replaces the ledger"),
    ),
    "send/posting.py": (
        Mutant("if self.clock() > begin_by:", "if False:", "a machine that slept calls"),
        Mutant("        check()\n        try:", "        try:", "it connects too late"),
        Mutant("before_body=check)", "before_body=lambda: None)", "it slept while it connected"),
        Mutant("CALLS_PER_MINUTE = 60", "CALLS_PER_MINUTE = 6000", "WeChat's minute is used up"),
        Mutant('"body": _without_openids(body)', '"body": dict(body)', "openids are in the ledger"),
        Mutant("send.not_after.isoformat() if send.not_after else None", "None", "a resend has no end"),
        Mutant(
            "authenticator(events, lambda _appid: key) if key else None", "None", "a run believes forgeries"
        ),
        Mutant('kept["draft"] = planned.resolved.draft', "pass", "an edited draft is resent"),
        Mutant('return {**error.answer, "errcode": error.errcode}', "raise", "an errcode is a failure"),
        Mutant('"recipients": recipients_word(send.filter)', '"recipients": ""', "the quota counts nobody"),
        Mutant(
            "if action is protocol.Action.SEND and self._token_was_refused(made):", "if False:", "no renewal"
        ),
        Mutant('lookup(refused.errcode).errcode_class == "token"', "True", "any rejection is tried twice"),
        Mutant(
            "if made is not None and made.status is Status.REJECTED else None",
            "",
            "an unknown call is repeated",
        ),
        Mutant('("send", "revision", "not_after")', '("send", "revision")', "a resend has no end"),
        Mutant(
            '"plan_digest": context.plan_digest,', '"plan_digest": "",', "what was reviewed is not recorded"
        ),
        Mutant(
            "self.attempt.begin(EventKind.HANDED_OVER, data",
            "self.attempt.begin(EventKind.INTENT, data",
            "resent",
        ),
        Mutant(
            '"titles": list(titles), **self._by_right(planned)}',
            '"titles": list(titles)}',
            "by what right it was",
        ),
        Mutant(
            "        if event is None:\n            return None\n        notes",
            "        notes",
            "a person is to send what the ledger does not have",
        ),
        Mutant("isinstance(made.error, LedgerError) or made", "made", "it goes on unrecorded"),
    ),
    "send/account_run.py": (
        Mutant("self.ledger.lock(self.account.appid, wait_s), ", "", "two runs hold one account"),
        Mutant(
            "self._counted(self._with_draft(planned, draft))", "planned", "an audience is not counted again"
        ),
        Mutant(
            "counted = self._counted(planned)\n            body",
            "counted = planned\n            body",
            "a resend does not count its audience again",
        ),
        Mutant(
            'if self.stop_reason:\n            why = _("not tried',
            'if False:\n            why = _("not tried',
            "a refused account is called again and again",
        ),
        Mutant("one in late_violations(planned, self.plan, context) if one.blocks]", "one in ()]", "no rule"),
        Mutant("clock_skew=self.watch.current_skew(),", "", "a wrong clock sends"),
        Mutant("last_holds=self.plan.last_holds,", "last_holds={},", "what was held goes on"),
        Mutant(
            "edited = preparing.edited_draft_id(intent, api=self.api)",
            "edited = None",
            "a draft edited since its call is resent",
        ),
        Mutant("is_current=self.plan.is_current,", "is_current=lambda _message: True,", "a moved file"),
        Mutant("        check_resolved_names(planned, now)\n", "", "a draft that changed since the plan"),
        Mutant("if policy.max_recipients is None and policy.audience_drift is None:", "if True:", "too many"),
        Mutant("stopped = self.stopping.is_set()", "stopped = False", "Ctrl-C while it uploads"),
        Mutant(
            "make = self.hand_over if planned.send.by_hand else self.send", "make = self.send", "it is posted"
        ),
    ),
    "send/apply.py": (
        Mutant(
            "for wait_s in (0.0, LOCK_WAIT_S):", "for wait_s in (0.0,):", "a held account is left in silence"
        ),
        Mutant("*plan.held_sends())", ")", "what was blocked is not reported"),
        Mutant("if one.account.appid == account.appid)", ")", "one account sends another's"),
    ),
    "send/preparing.py": (
        Mutant("if hashlib.sha256(data).hexdigest() != item.file.sha256:", "if False:", "another picture"),
        Mutant(
            'before is not None and before.sha256 == data["sha256"]', "before is not None", "an old draft"
        ),
        Mutant("elif known.stored_digest != mark:", "elif False:", "a draft edited by hand is sent"),
        Mutant("    if lost:\n", "    if False:\n", "an article without its pictures"),
        Mutant(
            "return media_id if draft_fingerprint(media_id, api) not in (None, noted) else None",
            "return None",
            "a draft edited since its call is resent",
        ),
        Mutant(
            "if known and (reusable or item.life is None) else None", "if known else None", "expired media"
        ),
        Mutant("if errcode != MEDIA_ID_INVALID:", "if errcode == MEDIA_ID_INVALID:", "a lost upload stays"),
    ),
    "send/jobs.py": (
        Mutant("one[0].fate is Fate.ACCEPTED and one[2]", "one[2]", "another's job is recorded"),
        Mutant("if known.fate is not Fate.SENT:", "if False:", "a recall of what was not sent"),
        Mutant("if known.fate is Fate.SENT and known.is_by_hand:", "if False:", "what no API can recall"),
        Mutant("max(0, RECALLS_PER_DAY - made)", "RECALLS_PER_DAY", "recalls are not counted"),
    ),
    "send/outcome.py": (
        Mutant("Result.UNKNOWN: ExitCode.UNKNOWN,", "Result.UNKNOWN: ExitCode.OK,", "unknown ends with 0"),
        Mutant("Result.REJECTED: ExitCode.FAILED,", "Result.REJECTED: ExitCode.OK,", "rejected ends with 0"),
        Mutant(
            "EXPIRED: Left(Result.SKIPPED, ExitCode.FAILED",
            "EXPIRED: Left(Result.SKIPPED, ExitCode.OK",
            "a missed window ends with 0",
        ),
        Mutant(
            "BLOCKED: Left(Result.SKIPPED, ExitCode.POLICY",
            "BLOCKED: Left(Result.SKIPPED, ExitCode.OK",
            "a blocked send ends with 0",
        ),
        Mutant(
            "HAND_OVER: Left(Result.SKIPPED, ExitCode.FAILED",
            "HAND_OVER: Left(Result.SKIPPED, ExitCode.OK",
            "what was not handed over ends with 0",
        ),
    ),
    "cli/approve.py": (
        Mutant("        check_ci_run(run)\n", "        pass\n", "a pull request approves"),
        Mutant("    planfile.check_whole(data)\n", "", "an edited plan is approved"),
        Mutant("if (seen.seq, seen.hash) != (head.seq, head.hash):", "if False:", "another ledger"),
        Mutant("            self._check(part, events)\n", "", "a hold while a person is asked"),
        Mutant("if asked.rules != head.rules:", "if False:", "rules that nobody here sees"),
        Mutant("if is_gone or (", "if is_gone and (", "what is shown is not what is signed"),
        Mutant(
            "if not any(\n                one in known",
            "if False and any(\n                one in known",
            "rules",
        ),
        Mutant(
            "if one.fate not in (Fate.NOT_SENT, Fate.REJECTED)",
            "if True",
            "what is free again counts as sent",
        ),
        Mutant("if not _is_decided(stream, one, asked, public)]", "]", "each run undoes a withdrawal"),
        Mutant("return is_withdrawn or any(", "return any(", "what was withdrawn first is signed"),
    ),
    "code_host/merged_requests.py": (
        Mutant("    if against:\n", "    if False:\n", "changes asked for"),
        Mutant("& eligible - {request.author.casefold()}", "& eligible", "an author approves"),
        Mutant("if len(counted) < wanted.count:", "if False:", "nobody approved it"),
    ),
    "fetch/merged_changes.py": (
        Mutant("    check_clean(root)\n", "", "what no commit has"),
        Mutant(
            "if _folder_at(root, request.head) != _folder_at(root, commit):", "if False:", "merged with more"
        ),
        Mutant("    if found.note:", "    if False:", "what could not be rendered counts as changed"),
    ),
    "guard/checkout.py": (
        Mutant("if here.text != there.text:", "if False:", "an old run sends"),
        Mutant('if _ask(folder, "status", "--porcelain", "--", ".").text:', "if False:", "uncommitted files"),
        Mutant(
            "if answer.code or here.code or there.code:", "if False:", "an unreachable remote is up to date"
        ),
    ),
    "guard/gates.py": (
        Mutant("if changed and not rules_approved(stream(), wanted):", "if False:", "a stranger's program"),
        Mutant("required=[asked])", "required=[])", "whoever may approve has approved"),
        Mutant("rules=rules_digest(settings, account)", 'rules=record.data["rules"]', "other rules"),
        Mutant(
            "if environment.approvals_of(account) is not None or", "if", "a key that only a commit brings"
        ),
        Mutant("(starts_program and is_approved_beside())", "False", "a new account's program"),
        Mutant("newest_guard(good or guards, scope)", "newest_guard(guards, scope)", "a forged record"),
    ),
    "guard/run.py": (
        Mutant(
            '"push", "workflow_dispatch"', '"push", "pull_request", "workflow_dispatch"', "a pull request"
        ),
        Mutant(
            "elif run.branch != (branch := require_default_branch(run)):",
            "elif not (branch := run.branch):",
            "any branch sends",
        ),
        Mutant('elif run.fork and run.event == "schedule":', "elif False:", "a fork on a schedule"),
        Mutant("environment.is_sandbox and not environment.protected", "environment.is_sandbox", "protected"),
        Mutant("if place.command or place.file:", "if place.command:", "a stranger's file is the secret"),
        Mutant(
            "    check_up_to_date(root, require_default_branch(run), whole=_starts_programs(settings))\n",
            "",
            "old",
        ),
        Mutant("whole=_starts_programs(settings)", "whole=False", "an older program checks"),
    ),
    "guard/recorded_rules.py": (
        Mutant("if not changes or covered or", "if True or", "rules change in silence"),
        Mutant("(asking and current_run() is None)", "asking", "CI asks nobody"),
        Mutant("later) - plan.heads.keys()", "later)", "who approved is asked for the digest, too"),
        Mutant(
            "if before is not None and not bad and all(", "if before is not None and all(", "a forged guard"
        ),
        Mutant("if all(event.data.get", "if True or all(event.data.get", "the rules before end nothing"),
        Mutant("if len(fitting) != 1:", "if not fitting:", "an older secret vouches"),
        Mutant(
            "distrusted = unverified(events, key, fitting[0])", "distrusted = []", "forgeries become true"
        ),
        Mutant("if secrets.guards_of(appid) or", "if", "rules are kept no more"),
    ),
    "guard/secrets.py": (
        Mutant("        if bad:\n", "        if False:\n", "a forged guard is quiet"),
        Mutant(
            "if events and not any(trust.has_valid_mac(event, key) for event in events):",
            "if False:",
            "a wrong secret acts",
        ),
        Mutant("            check_api_host(api, os.environ)\n", "            pass\n", "a stranger's host"),
        Mutant(
            "        check_secret_place(place)\n        return read_account_secret",
            "        return read_account_secret",
            "a pull request's command",
        ),
        Mutant(
            "            self.check_gates(account)\n",
            "            pass\n",
            "a stranger's program for the secret",
        ),
        Mutant("self.check_gates(account, PROGRAMS)", "pass", "a stranger's robot"),
        Mutant(
            "        self._refuse_ambiguous(account)\n        return token",
            "        return token",
            "one token",
        ),
    ),
    "guard/plan_checks.py": (
        Mutant(" and settings.environment.api != SANDBOX", "", "a fresh clone's program"),
        Mutant(
            "passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}",
            "passed = {**os.environ}",
            "a check reads the secrets of the job",
        ),
        Mutant("(*_confined(own), *command)", "command", "a check reads the secret of a process"),
    ),
    "guard/confined_program.py": (
        Mutant("(folder, rights)", '("/", rights)', "a check writes the settings of git"),
    ),
    "guard/campaigns_folder.py": (
        Mutant("        if found is not None:\n", "        if False:\n", "two folders, one ledger"),
        Mutant("if before.root and has_commit(before.root) is False:", "if False:", "another repository"),
        Mutant('if namespace and not folders and "" in sent_by:', "if False:", "a namespace hides sends"),
    ),
    "plan/warnings.py": (
        Mutant(', "list_sha256": send.batch.list_sha256}', "}", "the second batch of a list is never sent"),
    ),
    "plan/decision.py": (
        Mutant(
            "list_sha256=send.batch.list_sha256 if send.batch is not None else None,",
            "list_sha256=None,",
            "the second batch of a list is never sent",
        ),
        Mutant(
            "if decision.action is Action.UNKNOWN and known is not None and known.fate is Fate.HANDED_OVER:",
            "if False:",
            "what was handed over is unknown, and a run warns of it each time",
        ),
        Mutant(
            "PlanAction.HAND_OVER if by_hand and", "PlanAction.HAND_OVER if False and", "a plan shows a call"
        ),
    ),
    "plan/by_hand.py": (
        Mutant("known.fate is Fate.HANDED_OVER and now >= ready", "now >= ready", "sent, and overdue"),
        Mutant("if one.fate is Fate.HANDED_OVER)", ")", "what has ended is looked at"),
        Mutant("if seen == before:", "if False:", "the same is recorded at each status"),
        Mutant("is_gone=is_missing and", "is_gone=False and", "nobody is told that the draft is gone"),
        Mutant(">= AGAIN", ">= AGAIN * 0", "one answer of WeChat takes a draft for gone"),
    ),
    "notify/audit.py": (
        Mutant("[event for event in known if event.seq > recorded]", "[*known]", "all comes again each time"),
        Mutant(
            "[event for event in known if event.seq > recorded]",
            "[*ledger.appended[stream]]",
            "what one run lost nobody gets",
        ),
        Mutant(
            "last += event.seq == last + 1",
            "last = event.seq",
            "what another run wrote in between is left out",
        ),
        Mutant(" and has_valid_mac(one, key))", ")", "a forger hides events"),
        Mutant('one.data.get("to") == to and ', "", "another receiver is thought to have had all"),
        Mutant("            return last, reason\n", "            pass\n", "not taken, and past"),
        Mutant("        return redact(value)\n", "        return value\n", "a secret in a reason is pushed"),
        Mutant(
            "(audit.command and environment.api == SANDBOX)",
            "False",
            "a fresh clone's program is started",
        ),
    ),
}
"""By file of `runner/wechat_campaigns/`."""
