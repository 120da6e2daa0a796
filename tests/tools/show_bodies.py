"""Print the body of one send of every kind, as a strict sandbox received it from the real client.

Run: python -m tests.tools.show_bodies
"""

import json

from tests.support.every_body import OPENIDS, post_every_body
from tests.support.playground import Sandbox
from wechat_sandbox.server import embedded


def main() -> None:
    """Print path, errcode and body of each call, the made-up openids replaced by their number."""
    with embedded() as url:
        for posted in post_every_body(Sandbox(url)):
            text = json.dumps(posted.body, ensure_ascii=False)
            for number, openid in enumerate(OPENIDS, 1):
                text = text.replace(openid, f"OPENID{number}")
            print(f"{posted.message} {posted.recipients}: POST {posted.path}, errcode {posted.errcode}")
            print(f"  {text}")


if __name__ == "__main__":
    main()
