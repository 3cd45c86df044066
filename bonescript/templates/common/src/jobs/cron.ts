/** Times that repeat, in the five fields of cron: minute, hour, day of the month, month, day of the week. All in UTC. */

export interface Cron {
  matches(date: Date): boolean;
}

/** Throws where it is not five fields of numbers, `*`, ranges, lists and steps. */
export function parseCron(text: string): Cron {
  const [minute, hour, day, month, weekday, ...rest] = text.trim().split(/\s+/);
  if (weekday === undefined || rest.length > 0) {
    throw new Error(`\`${text}\` is no time of cron: it has five fields, such as \`0 3 * * *\``);
  }
  const minutes = parseField(minute ?? "", "minute", 0, 59);
  const hours = parseField(hour ?? "", "hour", 0, 23);
  const days = parseField(day ?? "", "day of the month", 1, 31);
  const months = parseField(month ?? "", "month", 1, 12);
  const weekdays = parseField(weekday, "day of the week", 0, 7);
  // Both are Sunday.
  if (weekdays.has(7)) weekdays.add(0);
  // As cron has always had it: where both days are limited, either will do.
  const either = !day?.startsWith("*") && !weekday.startsWith("*");
  return {
    matches(date) {
      const onDay = days.has(date.getUTCDate());
      const onWeekday = weekdays.has(date.getUTCDay());
      return (
        minutes.has(date.getUTCMinutes()) &&
        hours.has(date.getUTCHours()) &&
        months.has(date.getUTCMonth() + 1) &&
        (either ? onDay || onWeekday : onDay && onWeekday)
      );
    },
  };
}

function parseField(text: string, name: string, least: number, most: number): Set<number> {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const match = /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(item);
    const [, any, first, last, step] = match ?? [];
    const from = any === undefined ? Number(first) : least;
    // `5/10` is from 5 on; `5` alone is 5.
    const open = any !== undefined || (last === undefined && step !== undefined);
    const to = open ? most : Number(last ?? first);
    const by = Number(step ?? 1);
    if (match === null || from < least || to > most || from > to || by < 1) {
      throw new Error(`\`${item}\` is no ${name}: ${least} to ${most}, \`*\`, \`a-b\` or \`*/n\``);
    }
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}
