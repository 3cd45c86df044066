/** What other modules call. */
export { capabilities, type CapabilityName } from "./index.ts";
export { callCapability, isWithheld, type CapabilityAnswer, type CapabilityCall } from "./run.ts";
