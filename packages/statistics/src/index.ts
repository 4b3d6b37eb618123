// Intervals, tests and models for comparisons: pure functions of numbers.
export {}
