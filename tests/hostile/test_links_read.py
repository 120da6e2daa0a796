"""Links are read as a phone reads them: whatever leads elsewhere is found, and ordinary text is left alone."""

# ruff: noqa: E501
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.provisional import get_top_level_domains

from tests.support.factories import NOW, make_account, make_article, make_send
from wechat_campaigns.core.content import Content
from wechat_campaigns.core.links import host_of
from wechat_campaigns.core.model import Audience, compute_content_digest
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Articles, Text
from wechat_campaigns.plan.policy.rule import RuleInput
from wechat_campaigns.plan.policy.rules import allowed_links

ALLOWED = ("example.com", "mp.weixin.qq.com", "例子.中国", "wx1234567890abcdef")

LEADING_AWAY = [
    # whole addresses
    "https://evil.io", "http://evil.io/a", "HTTPS://EVIL.IO", "hTTp://evil.io", "https:/evil.example", "https:evil.io",
    "https:///evil.io", "https:\\\\evil.io", "https:\\evil.io", "http:/\\evil.io", "//evil.io", "\\\\evil.io/x",
    "///evil.io", "https://evil", "https://evil.", "https://evil.io.", "https://evil.io:443/", "https://evil.io:x",
    "https://good@evil.io", "https://example.com@evil.io/", "https://example.com:pw@evil.io",
    "https://example.com%40evil.io", "https://evil.io\\@example.com",
    "https://evil.io#@example.com", "https://evil.io?example.com", "https://evil.io/example.com",
    "https://example.com.evil.io", "https://notexample.com", "https://example.com-evil.io", "https://example.co",
    "https://example。com.evil.io", "https://e%76il.io", "https://evil%2eio", "https://%65%76%69%6c.io", "https://evil%252eio",
    "https://evil%00.example.com.evil.io", "https://[::1]/", "https://[::ffff:1.2.3.4]/", "https://1.2.3.4",
    "https://16909060", "https://0x01020304", "https://0x1.0x2.0x3.0x4", "https://0102.1.1.1", "https://1.2", "https://127.1",
    "https://xn--fiq228c.com", "https://xn--80ak6aa92e.com", "https://еxample.com", "https://exаmple.com",
    "https://ⓔⓥⓘⓛ.io", "https://ｅｖｉｌ．ｉｏ", "https：／／evil.io", "https://evil｡io", "https://evil。io", "https://𝐞𝐯𝐢𝐥.io",
    "https://ev\u200bil.io", "https://ev\u00adil.io", "https://\u202eevil.io", "ht\u200btps://evil.io", "https:/\u2060/evil.io",
    "&#104;ttps://evil.io", "https&#58;//evil.io", "https&colon;//evil.io", "&amp;#104;ttps://evil.io", "https:&sol;&sol;evil.io",
    "https://localhost/", "https://坏人.中国/", "https://坏人.公司", "ftp://evil.io/x", "ws://evil.io", "https://evil.travel", "intent://evil.io#Intent",
    # bare hosts
    "evil.io", "bit.ly/x", "t.cn/A6", "url.cn/5", "dwz.cn/x", "evil.zip", "evil.mov", "evil.app", "evil.dev/x", "evil.agency",
    "evil.photography", "evil.museum", "evil.xn--p1ai", "xn--fiq228c.xn--fiqs8s", "EVIL.COM", "Evil.Com", "www.evil.io",
    "a.b.c.d.evil.io", "evil.io:8080", "evil.io/path?x=1", "evil.io.", "evil.io。", "（evil.io）", "【evil.io】", "“evil.io”",
    "打开evil.io领券", "看evil.io", "evil．io", "evil｡com", "evil。com", "ev\u200bil.io", "evil\u200b.io", "ｅｖｉｌ.com", "evil&#46;io",
    "evil&period;com", "坏人.中国", "坏人.公司", "坏人.网络", "坏人.在线", "坏人.我爱你", "坏人.网址", "坏人.商城", "坏人．中国", "坏人.com",
    "1.2.3.4", "1.2.3.4:8080/x", "example.com.evil.io", "notexample.com", "x/evil.io", "..evil.io",
    "-.evil.io", "user@evil.io/path", "a_b.evil.io", "jpg.evil.io", "readme.md", "evil.md/x",
    "evil.technology", "evil.travel", "Evil.Technology/x", "看evil.music领券", "Mr.Wang", "HELLO.World", "evil.ישראל", "evil.xn--4dbrk0ce",
    "evil。xin", "evil.网店", "evil.xin", "Evil.Net", "Evil.Xin/x", "www.Evil.Agency", "EVIL.AGENCY", "evil.Agency/x", "http://127.1/x", "http://127.1",
    "微信号@evil.net/x", "微信号@evil.net", "https://example.com。xin", "evilü。com",
    # beside a listed host
    "üexample.com", "evil例example.com", "x.例example.com", "官网üexample.com", "evil\u0301.net", "x\u0331example.com", "example.com\u0331.evil.net", "example.com.\u0331evil.net",
    "https://example.com\u0301evil.net", "https://example.com😀evil.net", "https://example.com领券evil.net", "evil😀example.com", "м.example.com.рф",
    "ev\u180bil.net", "evil\ufe00.net", "evil\U000e0100.net", "evil\u17b4.net", "evil.\u3164net", "evil.io领券.example.com", "evil.中国.example.org",
    "example.com/x领券evil.io", "example.com：evil.io", "example.com/x，再看evil.io", "https://example.com/x领券evil.io",
    '<a href="https://example.com”evil.net">看</a>', '<a href="https://example.com,.evil.net">看</a>', '<a href="https://example.com😀evil.net">看</a>',
    "https://example.com,evil.net", "example.com,evil.net", "https://example.com*evil.net",
    # tags
    '<a href="https://evil.io">看</a>', "<a href='//evil.io'>看</a>", "<a href=https://evil.io>看</a>", '<a href="evil.io">看</a>',
    '<a\nhref = "https://evil.io">看</a>', '<A HREF="https://evil.io">看</A>', '<a href="ht\ntps://evil.io">看</a>',
    '<a href="https:\t//evil.io">看</a>', '<a href=" \thttps://evil.io">看</a>', '<a href="https:/evil.io">看</a>',
    '<a href="javascript:location=1">看</a>', '<a href="weixin://dl/business/?t=x">看</a>', '<a href="\\\\evil.io">看</a>',
    '<a href="https&#x3a;//evil.io">看</a>', '<a href="https://example.com。evil.io">看</a>', '<a href="/\t/evil.io">看</a>',
    '<a data-miniprogram-appid="wxfedcba0987654321" data-miniprogram-path="pages/index">看</a>',
    '<a href="https://example.com" data-miniprogram-appid="wxfedcba0987654321">看</a>', "<a data-miniprogram-appid=wxfedcba0987654321>",
    '<a href="https://evil.io', '&lt;a href="https://evil.io"&gt;看',
    # other apps
    "weixin://dl/business/?t=abc", "weixin:\\\\dl\\x", "WEIXIN://dl/x", "weapp://pages/x", "alipays://platformapi/x", "taobao://evil.io",
    "#小程序://坏人商城/Ab3dEf", "＃小程序：／／坏人/x", "market://details?id=x", "itms-apps://x", "mqqapi://x/y", "tbopen://m.taobao.com",
]  # fmt: skip

NOT_PLAIN = [
    "https://evil.cn|.example.com", "https://evil.cn℀.example.com", "https://evil.cn^.example.com",
    "https://evil.cn;.example.com", "https://evil_.example.com", "https://exam\u200bple.com", "https://ｅxample.com", "https://%65xample.com",
    "https://example.com领券", "官网example.com", "🎉example.com", "3.5折看example.com", "https://example.com…",
    '<a href="https://evil.cn|.example.com">看</a>', '<a href="https://evil.cn℀.example.com/">看</a>', '<a href="https://evil.cn%7c.example.com">看</a>',
    '<a href="wximg://evil.cn">看</a>', '<a href="data:text/html,x">看</a>', '<a href="DATA:text/html;base64,eA==">看</a>', '<a href=" da\nta:text/html,x">看</a>',
]  # fmt: skip
"""No host of letters, digits, `-` and `.`, or one that words touch: which of it a phone takes for one, nobody knows."""

BEHIND_A_USER = [
    "https://example.com%2f@evil.net",
    "https://example.com%252f@evil.net",
    "https://example.com%23@evil.net/x",
    "https://example.com／@evil.net/x",
    "https://example.com＃@evil.net",
    "https://example.com？@evil.net",
    "https://example.com@evil.net",
    "https://user@example.com/",
    "http:/example.com%2f@evil.net",
    '<a href="https://example.com%2f@evil.net/">点这里</a>',
    '<a href="https://example.com／@evil.net/">点这里</a>',
    '<a href="https://example.com＼@evil.net/">点这里</a>',
    '<a href="https://example.com＂@evil.net">点这里</a>',
    '<a href="https://example.com\'@evil.net">点这里</a>',
    '<a href="https://a＞@evil.net">点这里</a>',
    '<a href="https://example.com&amp;sol;@evil.net">点这里</a>',
    '<a href="https://example.com&#64;evil.net">点这里</a>',
    '<a href="//example.com%2f@evil.net">点这里</a>',
]
"""What stands before `@` is a user for a browser, whatever it looks like."""

ORDINARY = [
    "官网 https://example.com，邮箱 a@example.com",
    "周年庆今晚开始", "全场3.5折", "价格 3.5 元", "1.5折起", "满199减20.5", "v2.0", "V2.0.1", "版本v1.2.3.4", "iOS 17.1", "微信 8.0", "20:00-22:30",
    "2026.11.25", "2026/11/25", "11.25—11.30", "2026-11-25T20:00", "a.jpg", "说明.pdf", "封面.PNG", "附件.docx", "index.html", "data.json",
    "3.5kg", "1.5L", "2.5GB", "0.5ml", "5.5h", "No.1", "e.g. this", "i.e. that", "a.m.", "U.S.A.", "P.S. 谢谢", "9.9元包邮", "第3.2节",
    "你好。我们", "下载App。打开", "用iPhone。然后", "见OK。Hello", "App。Hello world", "今天。明天", "等等...好", "好……的", "。。。", "...", "a...b",
    "和/或", "24/7", "A/B测试", "1//2", "价格//数量", "——//——", "/ / /", "//", "https://", "http:", "\\o/", "¯\\_(ツ)_/¯", "C:D", "Q：A", "注：无",
    "写信到 a@other.cn", "service@shop.other.com.cn，谢谢", "@小李 你好", "//@小李: 转发", "a+b=c", "50%", "#话题#", "400-800-8888", "010-1234.5678",
    "https://example.com", "https://example.com/a?b=c#d", "https://EXAMPLE.com.", "example.com", "www.example.com/x", "a.b.example.com",
    "https://example.com。", "https://example.com。下一句", "https://example.com，谢谢", "（https://example.com）",
    "https://example.com:8443/x", "https://example.com/evil.io", "example.com/evil.io?x=evil.cn",
    "https://mp.weixin.qq.com/s/abc", "mp.weixin.qq.com", "https://例子.中国/x", "https://xn--fsqu00a.xn--fiqs8s/",
    '<a href="https://example.com/x">看</a>', '<a href="//example.com">看</a>', '<a href="tel:400">打电话</a>', '<a href="mailto:a@b.cn">信</a>',
    '<a href="https://example.com" data-miniprogram-appid="wx1234567890abcdef" data-miniprogram-path="pages/index?id=1">看</a>',
    '<a href="#top">上</a>', "<b>你好</b>", "1<2", "a<b>c", "&lt;3", "AT&T", "x=1;y=2", "3.14159", "0.1.", "1.", ".5", "10.10.", "😀.😀", "5.5折.",
    "Mr. Wang", "Dr.Jart套装", "J.Crew新款", "St.Regis酒店", "Vol.Ten", "HELLO. World", "3.Step", "Mr. Wang新款", "1.手机下单", "2.公司地址", "evil.html/x", "评分4.9/5",
    "领5元券：example.com", "满100元看example.com领券", "example.com×品牌", "见OK。It is", "https://example.com/x领券",
    "https://example.com”。", "https://例子.中国）", "例子.中国", "a@other.cn领券",
]  # fmt: skip


def refused(content: Content, *allowed: str) -> bool:
    send = make_send(content=content)
    facts = RuleInput(
        send=send, content_digest=compute_content_digest(send), account=make_account(), due=1, now=NOW, state=LedgerState(),
        audience=Audience(count=1, source="x", as_of=NOW), policy=Policy(),
    )  # fmt: skip
    return allowed_links(allowed or ALLOWED, facts) is not None


def test_the_tables_are_as_large_as_they_claim() -> None:
    assert len(set(LEADING_AWAY)) == len(LEADING_AWAY) > 150
    assert len(set(ORDINARY)) == len(ORDINARY) > 90


@pytest.mark.parametrize("text", [*LEADING_AWAY, *NOT_PLAIN], ids=ascii)
def test_what_leads_away_is_refused(text: str) -> None:
    for around in (text, f"点这里 {text} 领券", f"点这里：{text}"):
        assert refused(Text(content=around)), Text(content=text).hosts()


@pytest.mark.parametrize("text", ORDINARY, ids=ascii)
def test_ordinary_text_is_let_pass(text: str) -> None:
    assert not refused(Text(content=text)), Text(content=text).hosts()
    assert not refused(Text(content=f"会员日 {text} 见"))


def test_a_bare_host_below_every_top_level_domain_is_found() -> None:
    """Where the list that the tests bring is newer, `core.links` names what the older one lacks."""
    names = [name.lower() for name in get_top_level_domains()]
    names += [name[4:].encode().decode("punycode") for name in names if name.startswith("xn--")]
    assert len(names) > 1_500
    assert {"technology", "music", "中国"} < set(names)
    assert [name for name in names if not refused(Text(content=f"点 evil.{name} 领券"))] == []


ARTICLES = [
    '<a href="https://evil.io">x</a>', '<a href="//evil.io">x</a>', '<a href="/\\evil.io">x</a>', "<a href=evil.io>x</a>",
    '<img src="https://evil.io/x.png">', '<img data-src="//evil.io/x.png">', '<img srcset="https://evil.io/a 2x">',
    '<section style="background:url(https://evil.io/x)">', "<section style=\"background:url('//evil.io/x')\">",
    '<section style="background:url(&quot;https://evil.io/x&quot;)">', '<section style="background:u\\72l(https:\\2f/evil.io)">',
    "<style>@import 'https://evil.io/x.css'</style>", "<style>p{background:url(https://evil.io)}</style>",
    '<mp-common-miniprogram data-miniprogram-type="card" data-miniprogram-appid="wxfedcba0987654321"></mp-common-miniprogram>',
    '<mp-miniprogram data-miniprogram-appid="wxfedcba0987654321"></mp-miniprogram>', '<iframe src="https://evil.io"></iframe>',
    '<a data-miniprogram-appid="wx1234567890abcdef" data-miniprogram-path="pages/web?url=https%3A%2F%2Fevil.io">x</a>',
    '<video poster="https://evil.io/x">', '<form action="https://evil.io">', '<a href="weixin://dl/x">x</a>',
    '<a data-miniprogram-appid="wxfedcba0987654321" data-miniprogram-path="a">x</a>', '<svg><a xlink:href="https://evil.io">x</a></svg>',
    '<a title="href=\'x\'" href="https://evil.io">x</a>', '<a href="https://example.com" href="https://evil.io">x</a>',
]  # fmt: skip
FINE = [
    '<a href="https://mp.weixin.qq.com/s/x">x</a>', '<img src="https://mmbiz.qpic.cn/x.png">', "<p>evil.io</p>",
    '<section style="color:red;background:url(https://mmbiz.qpic.cn/x)">', "<p>3.5折</p>", '<a href="#x">x</a>',
    '<a data-miniprogram-appid="wx1234567890abcdef" data-miniprogram-path="pages/a.html?x=1">x</a>',
]  # fmt: skip


@pytest.mark.parametrize("html", ARTICLES)
def test_what_leads_away_in_an_article_is_refused(html: str) -> None:
    assert refused(Articles(articles=(make_article(html=html),)))


@pytest.mark.parametrize("html", FINE)
def test_an_ordinary_article_is_let_pass(html: str) -> None:
    assert not refused(Articles(articles=(make_article(html=html),)))


@pytest.mark.parametrize(
    "url",
    ["https://evil.io/", "https://example.com@evil.io", "http:\\\\evil.io", "//evil.io", "https://1.2.3.4"],
)
def test_the_source_of_an_article_counts(url: str) -> None:
    assert refused(Articles(articles=(replace(make_article(html="<p>x</p>"), content_source_url=url),)))


@given(st.text("ahtps:/\\.。．@#%?[]<>='\" \n\t\u200b中国evilio0123", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    assert all(host.name for host in Text(content=text).hosts())


@pytest.mark.deep
@pytest.mark.parametrize("text", ["a." * 40_000, "https://" * 20_000, "<a href=" * 20_000, "//" * 60_000, "a。" * 60_000,
                                  "<" * 100_000, "1.2.3." * 30_000, "&amp;" * 30_000, "a-" * 60_000, "小程序:" * 30_000,
                                  "http:" * 30_000, "https:@" * 30_000, "a" * 200_000, "a" * 50 + ":" * 100_000, "中." * 50_000, "a.中国a." * 30_000, "中0." * 50_000, "例" * 200_000, "\u0301" * 200_000,
                                  "https://" + "a.b" * 60_000 + "例", "@a.b" * 50_000])  # fmt: skip
def test_a_long_text_is_read_in_time(text: str) -> None:
    began = time.process_time()
    Text(content=text).hosts()
    assert time.process_time() - began < 40


@pytest.mark.parametrize("text", BEHIND_A_USER, ids=ascii)
def test_a_host_behind_a_user_is_never_listed(text: str) -> None:
    assert refused(Text(content=f"点 {text} 看看")), Text(content=text).hosts()


@pytest.mark.parametrize("address", [text for text in BEHIND_A_USER if text.startswith("http")], ids=ascii)
def test_the_source_of_an_article_has_no_user(address: str) -> None:
    host = host_of(address)
    assert host is not None
    assert not host.is_plain
