"""The reading room: the archive as public web pages, feeds, downloads and a Telegram Mini App."""
