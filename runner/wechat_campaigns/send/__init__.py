"""Everything that changes the platform: sends, uploads, drafts, previews, recalls."""
