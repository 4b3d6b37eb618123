// The contract of experiment trackers, and delivery to them in the background.
export {
  type Continuity,
  defineTracker,
  type DeliveryOptions,
  startOver,
  type TrackedRun,
  type Tracker,
} from './tracker.ts'
export { type Point, pointsOf } from './points.ts'
export { parametersOf } from './parameters.ts'
export { type FollowOutcome } from './follow.ts'
export { importTrackers, makeTracker, type TrackerRequest } from './load-trackers.ts'
export { createDelivery, type Delivery, type DeliverySetup, type PassOptions } from './delivery.ts'
export { startTrackers, type Trackers, type TrackersOptions } from './start-trackers.ts'
export { type PushOptions, pushRun } from './push.ts'
export { type Cursor, readCursor, trackersFolder } from './cursor.ts'
