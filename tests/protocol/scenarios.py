"""Where the searches begin: who runs apply with which files, and what else may happen how often."""

from typing import Any

from tests.protocol.world import SECOND_APPID, WHILE_S, Runner, Scenario, Send

SALE = Send("sale", "sale")
MOVED = Send("autumn/sale", "sale")
AGAIN = Send("sale", "sale, once more", revision=2)
RENAMED = Send("autumn/sale", "sale", formerly=("sale",))
OTHER = Send("news", "news")
OTHER_BY_HAND = Send("news", "news", by_hand=True)
TAKES_OVER = Send("news", "news", formerly=("sale",), by_hand=True)
BY_HAND = Send("sale", "sale", by_hand=True)
DRAFTED = Send("sale", "sale", draft="d")
DRAFT_BY_HAND = Send("sale", "sale", draft="d", by_hand=True)
SAME_DRAFT = Send("news", "sale", edit="in the console", draft="d")
SAME_BY_HAND = Send("news", "sale", edit="in the console", draft="d", by_hand=True)
EDITED = Send("sale", "sale", edit="30 % off")
SPLIT = Send("sale[north]", "sale", edit="for the north")
ONE, TWO_ = ("o1", "o2"), ("o3", "o4")
FIRST, SECOND = (
    Send(f"sale#{n}", "sale", openids=mine, whole=ONE + TWO_) for n, mine in ((1, ONE), (2, TWO_))
)
GREW = ("o5", "o6", *ONE, *TWO_)
FIRST_GREW, SECOND_GREW = (
    Send(f"sale#{n}", "sale", openids=mine, whole=GREW, edit="30 % off")
    for n, mine in ((1, GREW[:3]), (2, GREW[3:]))
)
LISTED = Send("sale#1", "sale", openids=("o1", "o2", "o3"))
GROWN = Send("autumn/sale#1", "sale", openids=("o4", "o3", "o2", "o1"))
REASSIGNED = Send("sale", "sale", appid=SECOND_APPID)
TILL_SOON = Send("sale", "sale", not_after_s=WHILE_S + 20)
FROM_SOON = Send("sale", "sale", not_before_s=WHILE_S + 20)


def runner(name: str, *sends: Send, **more: Any) -> Runner:
    chosen = sends or (SALE,)
    return Runner(name, chosen, chosen, **more)


ANN, BOB, CAT = (runner(name) for name in ("ann", "bob", "cat"))
TWO = (ANN, BOB)
ASKS, BOB_ASKS = (runner(name, approvals=1) for name in ("ann", "bob"))
SCENARIOS = (
    Scenario("answers lost, runs crash", TWO, (CAT,), {"lost": 1, "crash": 1, "later": 1}),
    Scenario("WeChat forgets", (ANN,), (BOB,),
             {"lost": 1, "crash": 1, "later": 1, "much later": 1, "forgotten": 1}),
    Scenario("attempts that make no call", (ANN,), (BOB, CAT), {"lost": 1, "crash": 1, "much later": 2}),
    Scenario("time passes while a call is on its way", (ANN,), (BOB,),
             {"slow": 2, "a while": 2, "later": 1, "lost": 1, "crash": 1}),
    Scenario("a hold comes and goes", TWO, (), {"hold": 1, "unhold": 1, "crash": 1}),
    Scenario("a hold that ends by itself", (ANN,), (BOB,),
             {"timed hold": 1, "hold": 1, "unhold": 1, "later": 2}),
    Scenario("a hold, and two sends", (runner("ann", SALE, OTHER),), (runner("bob", SALE, OTHER),),
             {"hold": 1, "lost": 1, "later": 1}),
    Scenario("a hold on one of two accounts", (runner("ann", SALE, REASSIGNED),),
             (runner("bob", REASSIGNED, SALE),), {"hold": 1, "unhold": 1, "lost": 1, "crash": 1, "later": 1}),
    Scenario("a file was moved in one clone", (ANN, runner("bob", MOVED)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("an id went to another account", (ANN, runner("bob", MOVED, REASSIGNED)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a list was renamed and grew in one clone", (runner("ann", LISTED), runner("bob", GROWN)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a list of two batches grew in one clone", (runner("ann", FIRST, SECOND),),
             (runner("bob", SECOND_GREW, FIRST_GREW),), {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a campaign was split in one clone", (ANN, runner("bob", SPLIT)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a text was edited in one clone", (ANN, runner("bob", EDITED)), (CAT,),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("an edited text, and the stored one is asked for", (ANN,),
             (runner("bob", EDITED, resends_stored=True), runner("cat", EDITED)),
             {"lost": 1, "settle": 1, "hold": 1, "later": 2}),
    Scenario("a send was renamed while a run waits", (ANN,), (runner("bob", RENAMED),),
             {"lost": 1, "settle": 1, "later": 2}, unanswered=(SALE,)),
    Scenario("a revision was raised while a run waits", (ANN,), (runner("bob", AGAIN), runner("cat", AGAIN)),
             {"lost": 1, "settle": 1, "later": 2}, unanswered=(SALE,)),
    Scenario("a send was renamed in one clone", (ANN, runner("bob", RENAMED)),
             (runner("cat", RENAMED),), {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a window opens, and ends", (runner("ann", FROM_SOON),), (runner("bob", TILL_SOON), CAT),
             {"a while": 1, "a moment": 1, "later": 1, "lost": 1}),
    Scenario("a window ends between decision and call", (runner("ann", TILL_SOON),), (BOB,),
             {"a while": 1, "a moment": 2, "lost": 1, "crash": 1}),
    Scenario("a rule lets one of two messages go",
             (runner("ann", SALE, most=1), runner("bob", OTHER, most=1)), (),
             {"crash": 1, "lost": 1, "refused": 1, "later": 1}),
    Scenario("the store does not answer", TWO, (CAT,), {"ledger": 1, "later": 1, "lost": 1}),
    Scenario("a replica is stale", TWO, (), {"stale": 2, "upload": 1, "lost": 1, "later": 1}),
    Scenario("errors of every kind", (ANN,), (BOB, CAT),
             {"refused": 1, "busy": 1, "unreachable": 1, "lost": 1, "later": 2}),
    Scenario("tokens fail, or are refused", (ANN,), (BOB,),
             {"token": 2, "token refused": 2, "lost": 1, "hold": 1, "a while": 1, "later": 1}),
    Scenario("a person settles", (ANN,), (BOB, CAT), {"lost": 1, "settle": 1, "later": 1, "refused": 1}),
    Scenario("a person is to press the button", (runner("ann", BY_HAND), BOB),
             (runner("cat", MOVED), runner("dan")), {"press": 1, "settle": 1, "crash": 1, "later": 1}),
    Scenario("a draft that a person has gets another id, and is edited",
             (runner("ann", DRAFT_BY_HAND), runner("bob", SAME_DRAFT)), (runner("cat", SAME_DRAFT),),
             {"press": 1, "settle": 1, "lost": 1, "later": 1}),
    Scenario("a draft whose send is unknown is to be handed over", (runner("ann", SAME_BY_HAND),),
             (runner("bob", DRAFTED), runner("cat", SAME_BY_HAND)), {"press": 1, "settle": 1, "later": 1},
             unanswered=(DRAFTED,)),
    Scenario("another article is taken for a send by hand", (runner("ann", BY_HAND),), (BOB,),
             {"guess": 1, "press": 1, "settle": 1, "lie": 1}),
    Scenario("an unknown send is to be sent by hand", (runner("ann", BY_HAND),),
             (BOB,), {"settle": 1, "lost": 1, "crash": 1}, unanswered=(SALE,)),
    Scenario("what was handed over gets the id of an unknown send", (runner("ann", OTHER_BY_HAND),),
             (runner("bob", TAKES_OVER),), {"settle": 1, "crash": 1, "later": 1}, unanswered=(SALE,)),
    Scenario("a person settles while a call is on its way", (ANN,), (BOB,),
             {"slow": 1, "settle": 2, "a while": 2, "later": 1, "crash": 1}),
    Scenario("the call's clock is behind", (runner("ann", offset_s=-290),), (BOB,),
             {"slow": 1, "settle": 1, "a while": 1, "later": 1, "crash": 1}),
    Scenario("a person settles what is not so", (ANN,), (BOB,),
             {"lost": 1, "lie": 1, "settle": 1, "later": 1, "forgotten": 1, "crash": 1}),
    Scenario("somebody sent it by hand", TWO, (CAT,), {"baseline": 1, "lost": 1, "refused": 1, "later": 1}),
    Scenario("who can only write forges", (ANN,), (BOB,), {"forge": 1, "hold": 1, "lost": 1, "later": 1}),
    Scenario("who can only write copies", (ANN,), (BOB,),
             {"copy": 1, "settle": 1, "lost": 1, "refused": 1, "forgotten": 1, "later": 1}),
    Scenario("a copied release", (ANN,), (BOB,), {"copy": 1, "hold": 2, "unhold": 1, "later": 1}),
    Scenario("events are taken out, and the machine has seen them", (runner("ann", machine="ci"),),
             (runner("bob", machine="ci"),), {"take out": 1, "hold": 1, "lost": 1, "forgotten": 1}),
    Scenario("events are taken out before a decision", (), (ANN, BOB),
             {"take out before a decision": 1, "hold": 1, "guard": 1, "lost": 1, "forgotten": 1}),
    Scenario("the AppSecret is changed after a forgery", (ANN,), (BOB, CAT),
             {"forge": 1, "secret": 1, "trust": 1, "lost": 1, "forgotten": 1}),
    Scenario("another ledger sends it at any time", (ANN,), (BOB, CAT),
             {"elsewhere": 1, "lost": 1, "settle": 1, "later": 1}),
    Scenario("the key is in use", (ANN,), (BOB, CAT), {"in use": 1, "lost": 1, "later": 2}),
    Scenario("a clock is hours off", (ANN, runner("bob", offset_s=8 * 3600)), (), {"lost": 1, "later": 1}),
    Scenario("clocks are minutes off", (runner("ann", offset_s=-290), runner("bob", offset_s=290)), (),
             {"lost": 1, "crash": 1, "a while": 1, "much later": 1, "forgotten": 1}),
    Scenario("approved, and a hold comes and goes", (ASKS,), (BOB_ASKS,),
             {"approve": 2, "hold": 1, "unhold": 1}, recorded=1),
    Scenario("an approval is withdrawn", (ASKS,), (BOB_ASKS,), {"approve": 2, "withdraw": 1}, recorded=1),
    Scenario("what was approved is resent", (ASKS,), (BOB_ASKS,),
             {"approve": 1, "withdraw": 1, "lost": 1, "later": 1}, recorded=1),
    Scenario("an apply by other rules", (ASKS,), (BOB_ASKS,), {"approve": 2, "other rules": 2}, recorded=1),
    Scenario("two must approve", (runner("ann", approvals=2),), (),
             {"approve": 3, "withdraw": 1}, recorded=2),
    Scenario("an approved text is edited", (ASKS,), (runner("bob", EDITED, approvals=1),),
             {"approve": 2, "lost": 1, "later": 1}, recorded=1),
    Scenario("the settings ask nobody any more", (ANN,), (), {"approve": 2, "other rules": 1}, recorded=1),
    Scenario("who can only write forges and copies approvals", (ASKS,), (BOB_ASKS,),
             {"approve": 1, "forge": 1, "copy": 1}, recorded=1),
    Scenario("events are taken out before an approval", (), (ASKS,),
             {"approve": 1, "withdraw": 1, "take out before a decision": 1}, recorded=1),
)  # fmt: skip
