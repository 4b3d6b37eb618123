// Routers over features of messages, learned from recordings.
export {}
