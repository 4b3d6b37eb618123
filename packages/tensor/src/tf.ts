// TensorFlow.js as everything here uses it: the core that Node loads, plus what that CommonJS bundle leaves out, the
// gradients of all operations and the chained operations (`x.add(y)`). There is one core in a process; import `tf` from
// here and not from `@tensorflow/tfjs-core`, which may lack both.
import * as tf from '@tensorflow/tfjs-core'
import '../generated/gradients.js'

export { tf }
