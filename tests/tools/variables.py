"""The variables of the environment that the command reads, besides those of its options."""

OWN = {
    "CAMPAIGN_READ_ONLY": "Refuse every command that changes something: files, the ledger, WeChat, a "
    "comment. Empty, `0`, `false` and `no` leave it off.",
    "CAMPAIGN_STATE_DIR": "Where this machine keeps SQLite ledgers, the sandbox and pages; default: a "
    "folder of the user, which `campaign doctor` prints. It must lie outside the checkout.",
    "CAMPAIGN_API_HOSTS": "Hosts of API gateways, separated by commas, that may receive an AppSecret besides "
    "WeChat's.",
    "CAMPAIGN_LEDGER_TOKEN": "Token for a git ledger that is reached over HTTPS.",
    "CAMPAIGN_REVIEW_TOKEN": "Token with which `campaign approve` in CI reads reviews; default: "
    "`GITHUB_TOKEN`.",
    "CAMPAIGN_APPROVAL_KEY": "The private key with which `campaign approve` signs in a CI job. A person has "
    "a file of their own.",
}
NETWORK = {
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY": "The proxy for calls to WeChat, GitHub, GitLab and chat robots. A "
    "server on this machine, such as the sandbox, is called directly.",
    "NO_PROXY": "Hosts that are called directly, separated by commas.",
    "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE": "A file with the CA certificates that HTTPS trusts, "
    "in place of those of certifi; the first that is set counts.",
}
SHOWING = {
    "LC_ALL, LC_MESSAGES, LANG": "The language of messages; the first that is set counts.",
    "NO_COLOR": "Any text: use no colours.",
    "CLICOLOR_FORCE": "Any text but `0`: use colours where the output is not a terminal, too. `NO_COLOR` "
    "wins.",
}
