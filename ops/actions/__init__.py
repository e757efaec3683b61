"""Actions: what a person may do to the bot, the same from CLI, dashboard and Telegram."""
