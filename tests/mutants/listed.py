"""Faults that the tests must find: a piece of the program each, changed, and what that would let happen.

A row has a function, class or constant of the file above it, the piece of it that is replaced, what takes its
place, and what the program would do then. The piece stands once in there, however its lines are broken; one
that ends with `…` is the whole expression or statement that begins so, and `∅` is nothing. A mutant that no
test can find says why, after `equal:`. An indented line belongs to the row above it.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """One row of the table."""

    place: str
    """The qualified name of what it changes."""
    old: str
    new: str
    why: str
    equal: str = ""
    """Why no test can find it, or none does; empty where one must."""

    def span(self, text: bytes) -> tuple[int, int]:
        """Find where the piece begins and ends in its file."""
        nodes = list(_nodes(text))
        ((begin, end),) = [(begin, end) for begin, end, name in nodes if name == self.place]
        words = self.old.removesuffix("…").encode().split()
        (found,) = re.finditer(rb"\s+".join(map(re.escape, words)), text[begin:end])
        first, last = begin + found.start(), begin + found.end()
        if self.old.endswith("…"):
            last = max(end for begin, end, _name in nodes if begin == first)
        return first, last

    def applied(self, text: bytes) -> bytes:
        """Return its file, changed."""
        first, last = self.span(text)
        return text[:first] + self.new.encode() + text[last:]


def _nodes(text: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield where each expression and statement begins and ends, and the qualified name that it defines."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    waiting: list[tuple[ast.AST, str]] = [(ast.parse(text), "")]
    while waiting:
        node, within = waiting.pop()
        name = ""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name, within = f"{within}{node.name}", f"{within}{node.name}."
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not within:
            name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        if isinstance(node, ast.expr | ast.stmt) and node.end_lineno and node.end_col_offset:
            yield (
                starts[node.lineno - 1] + node.col_offset,
                starts[node.end_lineno - 1] + node.end_col_offset,
                name,
            )
        waiting += [(child, within) for child in ast.iter_child_nodes(node)]


def _read(table: str) -> dict[str, tuple[Mutant, ...]]:
    """Read the rows of each file."""
    found: dict[str, list[Mutant]] = {}
    for line in table.replace("\n    ", " ").splitlines():
        if line.startswith("## "):
            mutants = found.setdefault(line.removeprefix("## "), [])
        elif line:
            place, _colon, rest = line.partition(": ")
            old, _arrow, rest = rest.partition(" → ")
            new, _dash, rest = rest.partition(" — ")
            why, _equal, equal = rest.partition(" equal: ")
            mutants.append(Mutant(place, old, new if new != "∅" else "", why, equal))
    return {name: tuple(mutants) for name, mutants in found.items()}


_TABLE: Final = r"""
## protocol/attempt.py
BEGIN_WITHIN: timedelta(seconds=60) → timedelta(hours=1) — a call begins an hour after its decision
TRIES: TRIES: Final = 8 → TRIES: Final = 1 — nothing is decided again after a conflict
Attempt.make: EventKind.REJECTED, {"reason" → None, {"reason" — a call that was not made is unknown
Attempt.make: NoResponseError as error: result.error = error
    → NoResponseError as error: end, told = EventKind.REJECTED, {}
    — a lost answer frees the send
Attempt.make: begin_by = min(begin_by, datetime.fromisoformat(ends)) → pass — a call begins after its window
Attempt.make: datetime.fromisoformat(intent.data["at"]) → intent.at
    — a call has 60 s from its record, however old its decision
Attempt.make: "intent": intent.hash → "intent": intent.previous — a result names another event
Attempt.begin: self.refresh() → ∅ — it decides on an old view
Attempt.begin: self.api.ensure_token() → ∅ — the token is fetched after the intent
Attempt.begin: or not (action is Action.SEND or _is_of(decision, data)) → ∅ — a resend of another body is made
Attempt.begin: decision.action is not action or not → not — a call is made whatever was decided
Attempt.begin: , "after": self.state.head.hash} → } — an intent does not name what it was decided on
Attempt.begin: append(entry, after=self.state.head) → append(entry) — others write between
Attempt.begin: not tries_left → True — a conflict ends the run
Attempt.append: event.seq == self.state.head.seq + 1 → True — events of others are passed over
Attempt._signed: replace(plain… → plain — events have no mac
_is_of: n in ("clientmsgid", "body_sha256") → n in ("clientmsgid",) — another body is resent
_is_of: n in ("clientmsgid", "body_sha256") → n in ("body_sha256",) — another key is resent
Attempt.make: EventKind.RESEND if action is Action.RESEND else → ∅ — a resend is recorded as a first call
Attempt.make: {**body, "clientmsgid": key}, begin_by → {**body}, begin_by — it posts without the key
Attempt.make: ("msg_id", "msg_data_id", "errcode") → ("msg_data_id", "errcode") — the msg_id is lost
Attempt.make: LedgerError → LedgerConflictError — a result that cannot be recorded ends the run as an error

## protocol/decide.py
CLOCK_TOLERANCE: timedelta(minutes=5) → timedelta(hours=5) — a clock may be five hours off
ARRIVES_WITHIN: timedelta(minutes=10) → timedelta(minutes=5) — a person settles while the call is under way
SETTLE_AFTER: ARRIVES_WITHIN + CLOCK_TOLERANCE → ARRIVES_WITHIN — a clock that was behind settles too early
_UNKNOWN: (Status.UNKNOWN, Status.DISPUTED) → (Status.UNKNOWN,) — a disputed send begins again
decide: state.aliases(facts.id, *facts.formerly) → state.aliases(facts.id) — `formerly` is ignored
decide: mine.content_digest in ("", facts.content_digest) → True — an edit after it was sent
decide: in ("", facts.content_digest) → in (facts.content_digest,) — a baseline is a conflict
decide: record in reversed(records) → record in records — the sent record that counts
    equal: of two that went out under two ids either says so: no call is made, and only the words differ
decide: newest.revision > facts.revision → newest.revision > facts.revision + 99 — an old revision is sent
decide: _other_form(state, facts, names) or _moved( → _moved( — `for_each` comes, and all get it again
decide: or _moved(state, facts, names) → ∅ — a moved file is sent again
decide: moved or _draft_taken(state, facts, names) → moved — what a person has is sent, too
_blocks_resend: _takers(state, record.drafts, → _takers(state, set(),
    — resent while a person has the same draft
_takers: in _UNKNOWN or record.is_by_hand → in _UNKNOWN — what a person sent is sent under another id
_takers: and replace(SendId.parse(name), batch=None) not in lists → ∅ — batches wait for each other
decide: _OUTSIDE.get(blocker, Action.BLOCKED) → Action.BLOCKED — outside its window it is blocked
may_settle: and all(now >= at → and any(now >= at — a person settles before the last call has arrived
_blocks: abs(facts.clock_skew) > CLOCK_TOLERANCE → False — a wrong clock sends
_blocks: abs(facts.clock_skew) → facts.clock_skew — a clock that is behind sends
_blocks: facts.now > facts.not_after → False — it is sent after its window
_blocks: facts.now < facts.not_before → False — it is sent before its window
_blocks: state.holds_at(facts.now) → False — a hold stops nothing
_blocks: facts.last_hold not in (None, state.last_hold) → False — what was held goes on
_blocks: return Reason.POLICY if facts.find_violations() else None → return None — no rule blocks
_blocks_resend: EventKind.DUPLICATE in record.ends.values() → False — 45065 is called a forgery
_blocks_resend: record.status is Status.DISPUTED or intent → intent — a forged intent is posted
_blocks_resend: len(twins) > 1 → len(twins) > 2 — a message under two ids is resent
_blocks_resend: one.revision == record.revision and → ∅ — the revision before stops a resend
_blocks_resend: abs(facts.clock_skew) > CLOCK_TOLERANCE → False
    — by a wrong clock a resend is too early or too late
_blocks_resend: since + facts.resend_after → since — a resend does not wait for the response
_blocks_resend: since + facts.resend_until → max(record.calls.values()) + facts.resend_until
    — each attempt renews the 20 hours
DecisionInput: timedelta(hours=20) → timedelta(hours=30) — it resends after WeChat forgot the key
_blocks_resend: not is_same and not facts.resend_stored → False — the old text is resent unasked
_blocks_resend: (record.content_digest… → record.content_digest == facts.content_digest
    — the old revision is resent in place of the new one
_blocks_resend: not_before=None, not_after=not_after → not_before=None, not_after=None — a resend has no end
_blocks_resend: not_before=None, not_after=not_after → not_after=not_after — a resend waits for its window
_other_form: and record.status is not Status.REJECTED → ∅ — a rejected send of another form is in the way
_other_form: record.revision >= → record.revision > — sent twice
_other_form: or record.fate is Fate.HANDED_OVER → ∅
    — a person sends it, and the program its next revision under another id
_blocks_resend: record.fate is Fate.HANDED_OVER: # what → False: # what — a forgery, or to resend
_blocks_resend: Reason.HANDED_OVER if is_same else Reason.EDITED → Reason.HANDED_OVER — an edit is not shown
_other_form: facts.is_only_part and record.status in _UNKNOWN → False — an unknown part is passed over
_difference: return Reason.SPLIT if facts.is_only_part else None → return None — an entry renamed is new
_difference: (theirs.batch is None) is not (mine.batch is None) → False — a list that is split
_difference: record.data.get("list_sha256") != facts.list_sha256 → False — an edited list is sent
_difference: (theirs.entry is None) is not (mine.entry is None) → False — `for_each` comes or goes
_moved: Message(state.stream, normalize_id → Message("", normalize_id — the AppID is not compared
_moved: record.status is not Status.REJECTED and → ∅ — a rejected send that was moved is in the way
_moved: not facts.is_current(message) and _shares → _shares — two campaigns of one text are one
_shares_recipients: return not → return False and not — a list renamed and grown is sent again
_moved: , facts.message_digest → ∅ — another list with the same text is not looked at

## protocol/state.py
SendState.status: if left[0] is None else Status.DISPUTED → ∅ — 45065 to a first call counts as sent
SendState.status: Status.ACCEPTED if left[0] is None else Status → Status — 45065 to a resend needs a person
SendState.status: end in ends if end != EventKind.REJECTED] → end in ends] — a rejection frees nothing
SendState.status: self.is_forged → False — a forged event is passed over
SendState.status: Status.UNKNOWN… → Status.REJECTED — a call without an answer is free
SendState.open_since: self.calls.items() → reversed(self.calls.items()) — each attempt renews the window
SendState.after: not is_authentic or _is_copy(event, calls) → not is_authentic — copies are believed
SendState.after: not is_authentic or _is_copy( → _is_copy( — forgeries are believed
SendState.after: return replace(self, is_forged=True) → return self — a forged event is passed over
SendState.after: and self.status is not Status.ACCEPTED → ∅ — sent is lost
SendState.after: moment(data["at"]) → event.at — the window is counted from another moment
SendState.after: self.status is not Status.ACCEPTED: → True: — what WeChat accepted is settled as not sent
SendState.after: EventKind.REJECTED), False → EventKind.REJECTED), is_forged
    — a person cannot settle a forgery
SendState.after: {**ends, event.hash: EventKind.ACCEPTED} → {**ends} — settled as sent changes nothing
SendState.after: in (None, EventKind.REJECTED) → in (None,) — a late acceptance is lost
SendState.after: kind == EventKind.ACCEPTED: # who → False: # who — an edit is shown as what was sent
SendState.after: first_at) if begins else self → first_at) — what was told is lost
_is_copy: return event.data["intent"] not in calls → return False — the end of another call counts
_is_copy: event.kind != EventKind.BASELINE… → False — a copied intent or settlement counts
_is_copy: event.kind != EventKind.BASELINE and event.data → event.data — a baseline is taken for a copy
StreamState.add: self.last_hold = event.hash → ∅ — a hold that was released stops no run
StreamState.add: elif is_authentic → else — a forged release counts
StreamState.add: self.holds.pop(ended, None) → self.holds.clear() — a release ends holds it does not know
StreamState.holds_at: if now <= end] → ] — a hold never ends
StreamState._add_to_send: is_authentic and (former := → (former := — a forged alias counts
StreamState.add: max(self._latest, event.at) → event.at — a clock that was ahead is forgotten
StreamState._end_of: max(self._latest, hold.at) + ( → hold.at + ( — by a slow clock a hold is over at once
StreamState._end_of: _NEVER → _LONG_AGO — a hold whose end cannot be read is over
StreamState._add_to_send: self._by_content.setdefault(digest, set()).add(name)
    → self._by_content[digest] = {name}
    — of two sends of one content one is forgotten
StreamState._add_to_send: names = self.aliases(send_id, *former) → pass — `formerly` is not remembered
StreamState.in_place_of: else (None, one.entry) → else (one.entry,) — the whole in place of a part
SendState.status: EventKind.ACCEPTED in self.ends.values() → False — an accepted send is not sent
SendState.after: EventKind.HANDED_OVER | EventKind.RESEND → EventKind.RESEND — what was handed over is free
SendState.fate: status is Status.UNKNOWN and kind → kind
    — a forged end of what was handed over is shown as handed over

## protocol/verdict.py
verdict: if isinstance(msg_id, int) and msg_id > 0 else None → ∅ — 0 without a job is accepted
verdict: _REJECTED and not answer.get("msg_id") else → _REJECTED else — a job beside an errcode
verdict: errcode in _REJECTED and not → errcode and not — an unknown errcode frees a send
CLIENTMSGID_IN_USE: Final = 45066 → Final = 45067 — 45066 is no answer
verdict: return EventKind.DUPLICATE → return EventKind.ACCEPTED — 45065 is an acceptance
REJECTING: frozenset({45028}) → frozenset({45028, -1}) — `busy` frees a send
REJECTING: frozenset({45067}) → frozenset({45067, 45066}) — it depends on the order

## protocol/keys.py
clientmsgid: normalize_id(send_id), revision] → normalize_id(send_id)] — a new revision is refused
clientmsgid: ["clientmsgid", appid, → ["clientmsgid", — two accounts have one key
clientmsgid: appid, normalize_id(send_id), rev → appid, send_id, rev — two spellings have two keys
normalize_id: normalize("NFC", normalize("NFC", text).casefold()) → normalize("NFC", text) — case counts
normalize_id: normalize("NFC", normalize("NFC", text).casefold()) → text.casefold() — NFD is another id
mac_key: ledger-mac/1/{appid} → ledger-mac/1/ — one account signs for another
mac_of: [entry.stream, entry.kind → [entry.kind — an event moves to another account
mac_of: entry.kind, written, entry.nonce] → entry.kind, written] — the nonce is not signed
mac_of: [entry.stream, entry.kind, written → [entry.stream, written — the kind is not signed
_ID: [1-9][0-9]* → [0-9]+ — one batch has two ids
mac_key: .encode(), hashlib.sha256) → .encode()[:1], hashlib.sha256) — a secret of one letter

## protocol/events.py
moment: at.tzinfo is None or not → not — a time without an offset is believed

## ledger/events.py
next_event: and after != head → and after.seq != head.seq — only the number of the end is compared
next_event: after is not None and after != head → False — an intent follows whatever came
is_intact: return hash_of(event) == event.hash → return True — an edited event is believed
chain_break: Head(event.seq - 1, event.previous) != since or not → not — events may be left out
chain_break: return None if since == head else head.seq → return None — the last events may be cut off
verified_after: not events or events[0].head != since → not events — the seen event may be another
    equal: what follows does not begin at it: the chain breaks there, in other words
verified_after: event in later if event.stream != stream] → event in later if False] — wrong account
from_lines: faults := find_chain_faults(events, heads) → False — a broken export is imported
verified: faults := find_chain_faults(*snapshot) → False — a broken chain is read
next_events: head=before or head, after=before or after → head=before or head — no compare
_newer: data["format"] != FORMAT → False — a newer format is misread
append_at_end: entry, after=events[-1].head if events else EMPTY) → entry) — decided on another end

## ledger/sqlite.py
SqliteLedger._db: pragma synchronous = full → pragma synchronous = normal — a power cut takes an intent
SqliteLedger._transaction: str = "begin immediate" → str = "begin" — two runners chain to one event
    equal: SQLite refuses to write on a view that has moved: a run fails, and no chain forks
SqliteLedger._check_same_files: self._files and self._files != _files_at(self._path) → False — a replaced file
SqliteLedger._transaction: meantime. self._check_same_files() → meantime. — replaced while it was written
SqliteLedger._transaction: db: self._check_same_files() → db: — replaced before it was read
    equal: the check after the transaction finds it, before anything is decided on what was read
_keep: "insert or replace into head values → "insert or ignore into head values — old head
_check_tables: not _BESIDE.match(str(sql)) → False — a trigger loses a hold
SqliteLedger.read: where stream = ? and seq >= ? order → where stream = ? and seq > ? order
    — seen is not proven
SqliteLedger.lock: db.execute("begin exclusive") → db.execute("begin") — two runners hold one account
SqliteLedger.restore: db.execute("select 1 from head").fetchone() → False — an import mixes two pasts
SqliteLedger.__init__: check_place(path, mount_table()) → ∅ — a network file system
check_place: path.stat().st_nlink > 1 → path.stat().st_nlink > 2 — a hard link is used
stored_events: has_log = path.with_name(f"{path.name}-wal").exists() → has_log = False — the log is not read
_files_at: end in ("", "-wal", "-shm") → end in ("",) — another log
_version: [0] != APPLICATION_ID → [0] is None — another program's file is written
_version: version > VERSION → False — a newer program's file is written
check_place: kind in NETWORK → False — a network file system is used

## ledger/git.py
GitLedger._push: lease = f… → lease = "--force" — a push overwrites what others pushed
GitLedger.append_all: unanswered.append… → pass — an event whose answer was lost is kept twice
GitLedger._advance: git_tree.rewritten_files(self._git, str(before), tip) → [] — a rewritten branch is read
GitLedger._fetch: known.get(git_tree.TIP) is not None → False — a deleted branch is a new ledger
GitLedger._fresh: self._fresh_at < asked else → self._seen.tip is None else — it reads what it has
GitLedger.restore: copy.heads → False — an import mixes two pasts
GitLedger._push: not self.tries → False — `pushInsteadOf` leads elsewhere
GitLedger.survives_power_cut: or {"loose-object", "reference" → or {"reference" — doctor says it is safe
GitLedger.read: return verified_after(stream, events, since, head) → return tuple(events) — no chain

## ledger/git_tree.py
rewritten_files: status != "A"] → status == "D"] — a changed event is not noticed
cached_events: verified… → snapshot(git, tip, streams).events — the local copy is believed as it is
fetched_events: verified(snapshot(git, tip, streams), ref) → snapshot(git, tip, streams).events — no chain

## ledger/postgres.py
PostgresLedger._locked_head: where stream = %s for update → where stream = %s — two runners chain to one event
PostgresLedger._chain: if again: → if False: — an event whose answer was lost is kept twice
PostgresLedger._writable: with confirmed(db)… → yield db — a standby does not have it
_Locks.take: stream not in self._held and self._ask( → self._ask( — two threads hold one account
PostgresLedger.read: e.seq >= %s where → e.seq > %s where — what was seen is not proven
PostgresLedger.restore.attempt: fetchone(): → fetchone() and False: — an import mixes two pasts
_UPSERT_HEAD: do update set seq = excluded.seq, hash = excluded.hash → do nothing — an old head
_keep: not as_written or odd.fetchall() → False — a trigger loses a hold

## ledger/postgres_pool.py
confirmed: if warnings: → if False: — a commit without its standby counts
conninfo: not bound and environ.get("PGPASSWORD") → False — a stranger's host gets the password
conninfo: extra["sslmode"] = "verify-full" → extra["sslmode"] = "prefer" — TLS is not required
_auth_methods: else "scram-sha-256" → else "password" — a password goes out in clear
SESSION: 'off', 'on'), false → 'on', 'off'), false — a power cut takes an intent
Pool.connect: scalar(db, SESSION) != db.info.backend_pid → False — a pooler shares sessions

## ledger/rollback_guard.py
lost_events: in sorted(marks.items()) → in () — nothing that was seen is compared
lost_events: hashes.get(seq) != digest → False — another past of the same length
lost_events: max(hashes) < seq → False — a shorter ledger is called another one
SeenHeads.note: mark[0] < last and hashes.get(mark[0]) == mark[1] → mark[0] < last — overwrites
RollbackGuardedLedger._check: , (self._chains, known)) → ) — an older copy in another place
RollbackGuardedLedger._check: (self._memory, also), → ∅ — what this process has seen
    equal: the read before has just found it there: only a change between the two reads would tell
RollbackGuardedLedger.streams: self._store… → self._store.streams() — a lost account
RollbackGuardedLedger._compared: self._check… → pass — a ledger that went back is read
RollbackGuardedLedger.restore: self._check… → pass — older import
RollbackGuardedLedger.read: any(lost_events… → False — went back
RollbackGuardedLedger._appended: any(lost_events… → False
    — an append to a ledger that went back is kept in silence
RollbackGuardedLedger._note: self._memory.note(proven, memory) → pass — nothing is remembered of this place
RollbackGuardedLedger._note: self._chains.note(chains, chain) → pass — nothing is remembered of the chain

## ledger/opened.py
OpenedLedger.events_once: != {self._kept[stream][-1].head} → == set()
    — a run reads what others wrote no more

## ledger/trust.py
decided_after: any(map(is_decision… → False — a decision names no event before it
decided_after: after is not None and "mac" not in first.data → False — `after` is not written
has_valid_mac: return hmac → return "mac" in event.data or hmac — any mac is believed
authenticator: event.data.get("after") == event.previous and holds(event) → holds(event) — a copy
authenticator: == event.previous and holds(event) → == event.previous — a forged `trusted` vouches
authenticator.believed: event.hash not in distrusted and not → not — what was forged becomes true
authenticator.believed: and not _is_misplaced(event) → ∅ — a copy becomes true
authenticator.believed: is_held and _is_misplaced(event) and key_of(event.stream) → False — taken out
is_signed: (LedgerKind.CALLBACK, LedgerKind.APPROVED) → (LedgerKind.APPROVED,) — a push needs a mac
is_decision: return entry.kind not in RESULTS and → return False and — no `after`
verify_guards: follows and has_valid_mac(guard, key) → has_valid_mac(guard, key) — a copied guard
verify_guards: follows and has_valid_mac(guard, key) → follows — a forged guard
questions: event.hash if event.kind == EventKind.REJECTED else str( → str( — a rejection is not asked
unverified: keys = (key, old) if old is not None else (key,) → keys = (key,) — the old secret is not used
authenticator: before.union(event.data.get("distrusted", ())) → frozenset(event.data["distrusted"])
    — a second change of secret forgets the first one's forgeries

## ledger/fold.py
check_same_followers: environment.is_sandbox and production → False — a rehearsal counts as sent
check_not_rehearsed: any(event.kind in _OF_CALLS for event in events) → False — a rehearsal is a past
LedgerState.add: self.is_authentic is… → True — forgeries are believed
uninitialized_accounts: or not (environment.is_sandbox or state.stream(account.appid).is_initialized) → ∅
    — an empty ledger counts as never sent

## ledger/approvals.py
_approval: is_signed_by(event, key)), None) → True), None) — anybody approves
_approval: data["environment"] != asked.environment → False — that of another environment
_lack: approved is None or approved.digest != unit.digest → False — an edit is approved
_lack: approval.ended_by is not None → False — what ended counts
_lack: approval.event.data["rules"] != asked.rules → False — by other rules
_lack: approved.names != unit.names → False — another tag of that name gets it
_lack: not asked.allows(*counts) → False — an audience that grew is approved
_lack: (None in counts or → ( — an audience that the approver did not see
end_of_approval: event.seq > seen → event.seq > seen + 9 — what came after the plan ends nothing
end_of_approval: (account.last_stop, account → (account — a hold ends nothing
end_of_approval: account.withdrawals.get(""), → ∅ — all are withdrawn, and go out
end_of_approval: , withdrawal_of(account, send))) → )) — one is withdrawn, and goes out
end_of_approval: sha256(event.data.get("rules")) != rules] → False] — rules A, B, A revive it
_is_met: approvers.values()} & {*keys} → approvers.values()} — whoever may approve has approved
withdrawal_of: , (name, name.partition("[")[0]) → , (name,) — a campaign is withdrawn in parts
required_approvals: present is not None and not newest → False — a key that a commit brings counts
required_approvals: (*recorded, present) → (present,) — a commit exchanges the key
_signed_text: "approval", entry.stream, entry.kind → "approval", entry.kind — it moves elsewhere
_signed_text: name != "signature"} → name not in ("signature", "sends")} — another send

## ledger/account.py
_is_in_place: event.data.get("after") != event.previous → False — a copy counts after what ended it
_is_in_place: <= event.data["saw"]["seq"] < event.seq → <= event.data["saw"]["seq"]
    — it saw what came after it
AccountState.add: check_shape(event) → pass — odd data ends as an error of the program
AccountState._add_to_approvals: and is_authentic → ∅ — forged
AccountState.quota_uses: UNRECEIVED, Fate.HANDED_OVER → UNRECEIVED — what nobody has sent uses the quota

## ledger/checkpoint.py
Checkpoints.load: _loaded(stream, body) if is_ours else None → _loaded(stream, body) — a forged checkpoint
_seal: code_digest(), stream.encode() → stream.encode() — that of another version
_seal: code_digest(), stream.encode(), body → code_digest(), body — that of another account
_written: is_over and max(times) < account._latest - ENDED → is_over — a quota is not counted

## ledger/open.py
_sqlite_path: not path.is_relative_to(default.parent) → False — a ledger outside the state folder
_sqlite_path: tree := next( → False and next( — a commit replaces the ledger

## send/posting.py
AccountCaller._post: action is protocol.Action.SEND and self._token_was_refused(made) → False — no renewal
AccountCaller._token_was_refused: lookup(refused… → True — any rejection is tried twice
AccountCaller._token_was_refused: if made is not None and made.status is Status.REJECTED else None → ∅
    — an unknown call is repeated
AccountCaller.resend: ("send", "revision", "not_after") → ("send", "revision") — a resend has no end
AccountCaller._by_right: context.plan_digest → "" — what was reviewed is not recorded
AccountCaller.hand_over: EventKind.HANDED_OVER, data → EventKind.INTENT, data — resent
AccountCaller.hand_over: list(titles), **self._by_right(planned) → list(titles) — by what right it was
AccountCaller.hand_over: if event is None: return None → ∅ — a person is to send what the ledger does not have
AccountCaller._stop_after: self.stop(reason, error) → pass — it goes on unrecorded
AccountWriter._check_in_time: self.clock() > begin_by → False — a machine that slept calls
AccountWriter.post_once: check() → ∅ — it connects too late
AccountWriter.post_once: before_body=check) → before_body=lambda: None) — it slept while it connected
CALLS_PER_MINUTE: CALLS_PER_MINUTE = 60 → CALLS_PER_MINUTE = 6000 — WeChat's minute is used up
intent_data: "body": _without_openids(body) → "body": dict(body) — openids are in the ledger
intent_data: send.not_after.isoformat() if send.not_after else None → None — a resend has no end
AccountWriter.open: authenticator… → None — a run believes forgeries
intent_data: kept["draft"] = planned.resolved.draft → pass — an edited draft is resent
AccountWriter.post_once: return {**error.answer, "errcode": error.errcode} → raise — an errcode is a failure
intent_data: "recipients": recipients_word(send.filter) → "recipients": "" — the quota counts nobody

## send/account_run.py
AccountRun.run: self.ledger.lock(self.account.appid, wait_s), → ∅ — two runs hold one account
AccountRun._send: self._counted… → planned — an audience is not counted again
AccountRun._resolve: self._counted… → planned — a resend does not count its audience again
AccountRun._guarded: self.stop_reason: → False: — a refused account is called again and again
AccountRun._decide.violations: late_violations(planned, self.plan, context) if one.blocks → () — no rule
AccountRun._decision_context: clock_skew=self.watch.current_skew(), → ∅ — a wrong clock sends
AccountRun._decision_context: last_holds=self.plan.last_holds, → last_holds={}, — what was held goes on
AccountRun._resolve: preparing… → None — a draft edited since its call is resent
AccountRun._decision_context: self.plan.is_current → lambda _message: True — a moved file
AccountRun._with_draft: check_resolved_names(planned, now) → ∅ — a draft that changed since the plan
AccountRun._counted: policy.max_recipients is None and policy.audience_drift is None → True — too many
AccountRun._send: stopped = self.stopping.is_set() → stopped = False — Ctrl-C while it uploads
AccountRun._send: self.hand_over… → self.send — it is posted

## send/apply.py
_share: wait_s in (0.0, LOCK_WAIT_S) → wait_s in (0.0,) — a held account is left in silence
apply: *plan.held_sends()) → ) — what was blocked is not reported
_of_account: if one.account.appid == account.appid) → ) — one account sends another's

## send/preparing.py
_upload: hashlib.sha256(data).hexdigest() != item.file.sha256 → False — another picture
ensure_draft: before is not None and before.sha256 == data["sha256"] → before is not None — an old draft
_check: known.stored_digest != mark → False — a draft edited by hand is sent
_check: lost: → False: — an article without its pictures
edited_draft_id: media_id if… → None — a draft edited since its call is resent
upload: known and (reusable or item.life is None) else None → known else None — expired media
forget_uploads: errcode != MEDIA_ID_INVALID → errcode == MEDIA_ID_INVALID — a lost upload stays

## send/jobs.py
_record: one[0].fate is Fate.ACCEPTED and one[2] → one[2] — another's job is recorded
recall_error: known.fate is not Fate.SENT → False — a recall of what was not sent
recall_error: known.fate is Fate.SENT and known.is_by_hand → False — what no API can recall
recalls_left: max(0, RECALLS_PER_DAY - made) → RECALLS_PER_DAY — recalls are not counted

## send/outcome.py
EXIT_CODES: Result.UNKNOWN: ExitCode.UNKNOWN, → Result.UNKNOWN: ExitCode.OK, — unknown ends with 0
EXIT_CODES: Result.REJECTED: ExitCode.FAILED, → Result.REJECTED: ExitCode.OK, — rejected ends with 0
LEFT: EXPIRED: Left(Result.SKIPPED, ExitCode.FAILED → EXPIRED: Left(Result.SKIPPED, ExitCode.OK
    — a missed window ends with 0
LEFT: BLOCKED: Left(Result.SKIPPED, ExitCode.POLICY → BLOCKED: Left(Result.SKIPPED, ExitCode.OK
    — a blocked send ends with 0
LEFT: HAND_OVER: Left(Result.SKIPPED, ExitCode.FAILED → HAND_OVER: Left(Result.SKIPPED, ExitCode.OK
    — what was not handed over ends with 0

## cli/approve.py
approve: check_ci_run(run) → pass — a pull request approves
approve: planfile.check_whole(data) → ∅ — an edited plan is approved
_Signing._check: (seen.seq, seen.hash) != (head.seq, head.hash) → False — another ledger
_Signing.record.entry_after: self._check(part, events) → ∅ — a hold while a person is asked
_Signing.part: asked.rules != head.rules → False — rules that nobody here sees
_Signing.part: is_gone or ( → is_gone and ( — what is shown is not what is signed
_Signing._who: not any(… → False — rules
_not_made: one.fate not in (Fate.NOT_SENT, Fate.REJECTED) → True — what is free again counts as sent
_Signing.part: if not _is_decided(stream, one, asked, public)] → ] — each run undoes a withdrawal
_is_decided: return is_withdrawn or any( → return any( — what was withdrawn first is signed

## code_host/merged_requests.py
reviewers_of: against: → False: — changes asked for
reviewers_of: & eligible - {request.author.casefold()} → & eligible — an author approves
reviewers_of: len(counted) < wanted.count → False — nobody approved it

## fetch/merged_changes.py
merged_changes: check_clean(root) → ∅ — what no commit has
merged_changes: _folder_at(root, request.head) != _folder_at(root, commit) → False — merged with more
merged_changes: found.note: → False: — what could not be rendered counts as changed

## guard/checkout.py
check_up_to_date: here.text != there.text → False — an old run sends
check_clean: _ask(folder, "status", "--porcelain", "--", ".").text → False — uncommitted files
check_up_to_date: answer.code or here.code or there.code → False — an unreachable remote is up to date

## guard/gates.py
check_gates: changed and not rules_approved(stream(), wanted) → False — a stranger's program
check_gates: required=[asked]) → required=[]) — whoever may approve has approved
check_gates: rules=rules_digest(settings, account) → rules=record.data["rules"] — other rules
check_gates: if environment.approvals_of(account) is not None or → if — a key that only a commit brings
check_gates: (starts_program and is_approved_beside()) → False — a new account's program
_genuine: newest_guard(good or guards, scope) → newest_guard(guards, scope) — a forged record

## guard/run.py
APPLY_EVENTS: "push", "workflow_dispatch" → "push", "pull_request", "workflow_dispatch" — a pull request
check_ci_run: run.branch != (branch := require_default_branch(run)) → not (branch := run.branch)
    — any branch sends
check_ci_run: run.fork and run.event == "schedule" → False — a fork on a schedule
check_run: environment.is_sandbox and not environment.protected → environment.is_sandbox — protected
check_secret_place: place.command or place.file → place.command — a stranger's file is the secret
check_run: check_up_to_date(root, require_default_branch(run), whole=_starts_programs(settings)) → ∅ — old
check_run: whole=_starts_programs(settings) → whole=False — an older program checks

## guard/recorded_rules.py
check_rules_agreed: not changes or covered or → True or — rules change in silence
check_rules_agreed: (asking and current_run() is None) → asking — CI asks nobody
check_rules_agreed: later) - plan.heads.keys() → later) — who approved is asked for the digest, too
record_guard.entry_after: not bad and all → all — a forged guard
record_guard.entry_after: all(event.data.get → True or all(event.data.get — the rules before end nothing
vouch: len(fitting) != 1 → not fitting — an older secret vouches
vouch: distrusted = unverified(events, key, fitting[0]) → distrusted = [] — forgeries become true
record_guards: if secrets.guards_of(appid) or → if — rules are kept no more

## guard/secrets.py
Secrets._check_guards: bad: → False: — a forged guard is quiet
Secrets.check_signer: events and not any(trust.has_valid_mac(event, key) for event in events) → False
    — a wrong secret acts
Secrets._obeyed: check_api_host… → pass — a stranger's host
Secrets._obeyed: check_secret_place(place) → ∅ — a pull request's command
Secrets._obeyed: self.check_gates(account) → pass — a stranger's program for the secret
Secrets.check_place: self.check_gates(account, PROGRAMS) → pass — a stranger's robot
Secrets.for_calls: self._refuse_ambiguous(account) → ∅ — one token

## guard/plan_checks.py
may_run_checks: and settings.environment.api != SANDBOX → ∅ — a fresh clone's program
program_failure: {name: os.environ[name]… → {**os.environ}
    — a check reads the secrets of the job
program_failure: (*_confined(own), *command) → command — a check reads the secret of a process

## guard/confined_program.py
main: (folder, rights) → ("/", rights) — a check writes the settings of git

## guard/campaigns_folder.py
check_campaigns_folder: found is not None → False — two folders, one ledger
is_same: before.root and has_commit(before.root) is False → False — another repository
folder_violation: namespace and not folders and "" in sent_by → False — a namespace hides sends

## plan/warnings.py
identity: , "list_sha256": send.batch.list_sha256} → } — the second batch of a list is never sent

## plan/decision.py
decision_input: send.batch.list_sha256 if send.batch is not None else → ∅
    — the second batch of a list is never sent
_action: decision.action is Action.UNKNOWN and known is not None and known.fate is Fate.HANDED_OVER → False
    — what was handed over is unknown, and a run warns of it each time
_action: PlanAction.HAND_OVER if by_hand and → PlanAction.HAND_OVER if False and — a plan shows a call

## plan/by_hand.py
is_overdue: known.fate is Fate.HANDED_OVER and now >= ready → now >= ready — sent, and overdue
open_sends: if one.fate is Fate.HANDED_OVER) → ) — what has ended is looked at
look: seen == before → False — the same is recorded at each status
look: is_gone=is_missing and → is_gone=False and — nobody is told that the draft is gone
look: >= AGAIN → >= AGAIN * 0 — one answer of WeChat takes a draft for gone

## notify/audit.py
push_appended: [event for event in known if event.seq > recorded] → [*known] — all comes again each time
push_appended: [event for event… → [*ledger.appended[stream]] — what one run lost nobody gets
_push: last += event.seq == last + 1 → last = event.seq — what another run wrote in between is left out
_last_recorded: and has_valid_mac(one, key)) → ) — a forger hides events
_last_recorded: one.data.get("to") == to and → ∅ — another receiver is thought to have had all
_push: return last, reason → pass — not taken, and past
_masked: redact(value) → value — a secret in a reason is pushed
push_appended: (audit.command and environment.api == SANDBOX) → False — a fresh clone's program is started
"""
LISTED: Final = _read(_TABLE)
"""By file of `runner/wechat_campaigns/`."""
