"""Everything that changes WeChat: sends, uploads, drafts, previews, recalls."""
