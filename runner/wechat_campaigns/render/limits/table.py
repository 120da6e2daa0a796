"""Every number WeChat sets for a message, once: the page it is from, and what is uncertain about it.

All pages read 2026-11. Openid counts stand in `render.openids`.
"""

TITLE_CHARS = 64
"""Measured in June 2026: 64 pass, 65 are refused with 45003; older pages and the web editor have 64 too."""
TITLE_CHARS_USUAL = 32
"""draft_add since 2025; above it the API still takes the title."""
AUTHOR_CHARS = 16
"""draft_add; 8 on older pages."""
SUMMARY_CHARS = 120
"""draft_add of autumn 2026; 128 a year before."""
CONTENT_CHARS = 20_000
"""draft_add, "fewer than"; that markup counts is a field report."""
CONTENT_BYTES = 1_000_000
"""draft_add, "under 1 MB"; the same cell also says 2 KB, which articles of any length disprove."""
URL_BYTES = 1024
"""draft_add, content_source_url."""
MAX_ARTICLES = 8
"""uploadnews and staff in the vendor's forum; draft_add states none."""
MAX_IMAGES = 20
"""draft_add for picture posts; for `images` of a mass send only 40215 is documented, no number."""
TEXT_BYTES = 2048
"""None is documented for a mass text: this is the limit of customer service texts."""
TEXT_CHARS_USUAL = 600
"""The web console's limit for a text; above it the API's answer is uncertain."""
IMAGE_BYTES = 10 * 1024 * 1024
"""add_material, image; 2 MB on pages before 2021."""
IMAGE_FORMATS = ("png", "jpeg", "gif", "bmp")
BODY_IMAGE_BYTES = 1_000_000
"""uploadimg, "under 1 MB", png and jpeg only."""
BODY_IMAGE_FORMATS = ("jpeg", "png", "gif")
"""uploadimg takes the first two; a GIF is uploaded as material, whose address articles may use."""
VOICE_BYTES = 2 * 1024 * 1024
VOICE_S = 60
VOICE_FORMATS = ("mp3", "wma", "wav", "amr")
"""add_material, voice: 2 MB, 60 s."""
VIDEO_BYTES = 10 * 1024 * 1024
VIDEO_FORMATS = ("mp4",)
"""add_material, video."""

SUFFIXES = {"jpeg": (".jpg", ".jpeg")}
"""Where a format has other suffixes than its own name."""
