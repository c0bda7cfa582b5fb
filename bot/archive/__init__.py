"""Questions to the archive, answered as the values that views show. Knows neither words nor Telegram."""
