#!/usr/bin/env node
// `npx mixlab`: the command, for those who installed this package alone.
import '@mixlab/cli/bin'
