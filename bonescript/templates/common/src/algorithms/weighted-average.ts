/** The mean of values, each as heavy as its weight: O(n). */
import { fieldOf, listOf, numberOf } from "./values.ts";

/** Of items such as `{ value: 3, weight: 2 }`; 0 where all weights together are 0. */
export function weightedAverage(items: unknown): number {
  let sum = 0;
  let weights = 0;
  for (const item of listOf(items, "`items`")) {
    const weight = numberOf(fieldOf(item, "weight"), "a weight");
    sum += numberOf(fieldOf(item, "value"), "a value") * weight;
    weights += weight;
  }
  return weights === 0 ? 0 : sum / weights;
}
