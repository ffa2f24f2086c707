export interface Config {
  readonly session: boolean
  readonly store: "memory" | "postgres" | "sqlite" | "redis"
  readonly signed: boolean
  readonly rolling: boolean
  readonly sealed: boolean
  readonly touchMillis: number
  readonly idleMillis: number
  readonly databaseUrl: string
  readonly sqliteFile: string
  readonly redisUrl: string
}
export interface Item {
  readonly sku: string
  readonly quantity: number
}
export interface Data {
  readonly user?: string | null | undefined
  readonly count?: number | undefined
  readonly items?: ReadonlyArray<Item> | undefined
}
/** What the store's server has counted. */
export type Meter = () => Promise<{ readonly statements: number; readonly storeCpuMicros: number }>
export interface Control {
  readonly port: number
  readonly statements?: () => number
  readonly meter?: Meter
  readonly sweep?: () => Promise<number>
}

export declare const config: Config
export declare const secret: string
export declare const cookieName: string
export declare const userId: string
export declare const poolSize: number
export declare const itemsOf: (size: number) => Array<Item>
export declare const view: (session: Data) => { user: string | null; count: number; items: number }
export declare const ok: { readonly ok: true }
export declare const bareSession: { user: string | null; count: number; items: Array<Item> }
export declare const announce: (control: Control) => void
export declare const redisMeter: () => Promise<Meter>
export declare const countedPool: () => { pool: unknown; statements: () => number }
