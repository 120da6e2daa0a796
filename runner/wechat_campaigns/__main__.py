"""`python -m wechat_campaigns` is the command `campaign`."""

from wechat_campaigns.cli import main

if __name__ == "__main__":
    main()
