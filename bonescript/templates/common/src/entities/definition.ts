/** What the routes need to know of an entity. One file beside this says it of each. */
import type { z } from "zod";

import type { TableName } from "../database/types.ts";

/** What every row has. */
export interface BaseRow {
  id: string;
  created_at: Date;
  updated_at: Date;
}

/** A row whose columns are known at run time only. */
export type AnyRow = BaseRow & Readonly<Record<string, unknown>>;

/** What every object has without saying so: a column may be called like it. */
type Inherited =
  | "constructor"
  | "hasOwnProperty"
  | "isPrototypeOf"
  | "propertyIsEnumerable"
  | "toLocaleString"
  | "toString"
  | "valueOf";

/**
 * Values of some columns. To the compiler an object that lacks a column of such a name has it all the same, of another
 * type.
 */
export type Values<Row> = Partial<Omit<Row, Inherited>> & {
  readonly [Name in Inherited]?: unknown;
};

export interface Entity<Row extends BaseRow = BaseRow> {
  /** As declared, such as `Order`. */
  readonly name: string;
  readonly table: TableName;
  /** Columns that the database computes. */
  readonly derived: readonly string[];
  /** Columns that never leave the server. */
  readonly hidden: readonly string[];
  /** The body of `POST`; `null` where rows are made by capabilities only. */
  readonly create: z.ZodType<Values<Row> & { password?: string }> | null;
  /** The body of `PUT`. */
  readonly update: z.ZodType<Values<Row>>;
  /** Columns that a list can be filtered by, each with what its value must be. */
  readonly filters: Readonly<Record<string, z.ZodType>>;
  /** Capabilities that make rows, for messages. */
  readonly madeBy: readonly string[];
  /** How rows log in; `null` where they do not. */
  readonly auth: Authentication | null;
  /** Whose rows they are; `null` where nobody owns them. */
  readonly owner: Owner | null;
  /** Callers, by entity or role, that may read rows of others; `null` where nobody may. */
  readonly readers: readonly string[] | null;
  /** Callers, by entity or role, that may write rows that nobody owns. */
  readonly writers: readonly string[];
  readonly relations: readonly Relation[];
  /** The type of its rows; there is no value. */
  readonly row?: Row;
}

export interface Authentication {
  readonly method: "jwt" | "oauth2" | "apikey" | "session";
  /** The column that names a user at the login, in text. */
  readonly identifier: string;
  /** The column that keeps the hashed secret; without one it is kept apart. */
  readonly secret: { readonly column: string; readonly bytes: boolean } | null;
  /** Whether there is a column `role`. */
  readonly role: boolean;
  /** Whether anyone may sign up. */
  readonly open: boolean;
  /** To whom a new row that nobody may simply sign up as must belong. */
  readonly sponsor: Owner | null;
}

/** The way from a row to its owner: each step is a column that holds the id of a row of a table. */
export interface Owner {
  /** The entity that owns, such as `Buyer`. */
  readonly entity: string;
  /** Empty where the row itself logs in. */
  readonly steps: readonly { readonly column: string; readonly table: TableName }[];
}

interface RelationTo {
  readonly name: string;
  readonly target: () => Entity;
}

/** A relation to one row. */
export interface ToOne extends RelationTo {
  readonly kind: "belongs_to" | "has_one";
  /** On this table, or on that of the target. */
  readonly column: string;
}

/** A relation to the rows that refer to a row. */
export interface ToMany extends RelationTo {
  readonly kind: "has_many";
  /** On the table of the target. */
  readonly column: string;
}

/** A relation to the rows that a table of links names. */
export interface ManyToMany extends RelationTo {
  readonly kind: "many_to_many";
  readonly junction: { readonly table: string; readonly own: string; readonly other: string };
}

export type Relation = ToOne | ToMany | ManyToMany;

/** The value of a column whose name is known at run time only. */
export function column(row: BaseRow, name: string): unknown {
  return Object.getOwnPropertyDescriptor(row, name)?.value;
}

/** A row as a client sees it. */
export function present(entity: Entity, row: BaseRow): BaseRow {
  if (entity.hidden.length === 0) return row;
  const shown = Object.entries(row).filter(([name]) => !entity.hidden.includes(name));
  return Object.fromEntries(shown) as unknown as BaseRow;
}
