// Start a real AT Protocol network on loopback, plant a small town in it, say what was planted, and wait to be stopped.
//
//   node bluesky_network.mjs FOLDER_WITH_NODE_MODULES WHERE_TO_WRITE_PLANTED.json [RIDERS]
//
// The folder holds @atproto/dev-env (npm install @atproto/dev-env); DB_POSTGRES_URL and REDIS_HOST say where
// PostgreSQL and Redis are. Everything planted is invented. docs/LIVE.md says how to start what it needs.
import { rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, planted, ridersAsked] = process.argv.slice(2)
const N_RIDERS = Number(ridersAsked ?? 130)
const N_POSTS = 60
const { TestNetwork } = await import(
  pathToFileURL(resolve(join(modules, 'node_modules/@atproto/dev-env/dist/index.js'))).href
)

// A schema of its own for each run, in letters alone: digits are not allowed in its name.
const letters = [...String(process.pid)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
const network = await TestNetwork.create({ dbPostgresSchema: `live_${letters}` })
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (stopping) return
    stopping = true
    await network.close().catch(() => {})
    process.exit(0)
  })
}

const town = network.getSeedClient()
const register = async (name, handle = `${name}.test`) =>
  (await town.createAccount(name, { email: `${name}@example.test`, handle, password: `${name}-secret` })).did
const describe = (did, displayName, description) =>
  town.agent.com.atproto.repo.putRecord(
    {
      repo: did,
      collection: 'app.bsky.actor.profile',
      rkey: 'self',
      record: { displayName, description, createdAt: new Date().toISOString() },
    },
    { headers: town.getHeaders(did), encoding: 'application/json' },
  )

const bikers = await register('bikers')
const force = await register('force')
await describe(bikers, 'Roads Policing Bikers', 'Roads policing for motorcyclists')

const posts = []
const day = 24 * 60 * 60 * 1000
// Ninety days old by its author's clock: not among the posts of the last days, whatever the AppView's clock says.
await town.post(bikers, 'From long ago', undefined, undefined, undefined, {
  createdAt: new Date(Date.now() - 90 * day).toISOString(),
})
for (let n = 0; n < N_POSTS; n += 1) {
  const text = `A6 closure for bikers no ${n} #motorcycle`
  const index = { byteStart: text.indexOf('#'), byteEnd: text.length }
  const facets = [{ index, features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 'motorcycle' }] }]
  posts.push((await town.post(bikers, text, n === 0 ? facets : undefined)).ref)
}

const riders = []
const replies = []
const quoters = []
for (let n = 0; n < N_RIDERS; n += 1) {
  const rider = await register(`rider${n}`)
  riders.push(rider)
  await describe(rider, `Rider ${n}`, n % 2 ? 'Ducati owner, Peak District' : 'dog walker')
  await town.follow(rider, bikers)
  if (n % 3 === 0) await town.follow(rider, force)
  await town.like(rider, posts[0])
  if (n % 2) await town.repost(rider, posts[0])
  if (n % 4 === 0) replies.push({ rider, ref: (await town.reply(rider, posts[0], posts[0], `Riding there, ${n}`)).ref })
}
// One rider answers twice and quotes twice; one answers another rider, which is no act on a post of ours.
replies.push({ rider: riders[4], ref: (await town.reply(riders[4], posts[0], posts[0], 'And again')).ref })
for (const [rider, said] of [[riders[5], 'quoting'], [riders[5], 'quoting once more'], [riders[6], 'look']]) {
  await town.post(rider, said, undefined, undefined, posts[0])
  quoters.push(rider)
}
await town.reply(riders[7], posts[0], replies[0].ref, 'To the rider, not to the police')
await town.reply(bikers, posts[0], replies[0].ref, 'Ride safe')
// What we repost of others is not ours; what we repost of ours does not come twice.
const walk = await town.post(riders[8], 'A walk by the river')
await town.repost(bikers, walk.ref)
await town.repost(bikers, posts[1])

await network.processAll(120_000)

// The last rider leaves the platform for a while: the AppView shows neither the follow nor the like.
const gone = riders[N_RIDERS - 1]
await town.agent.com.atproto.server.deactivateAccount({}, { headers: town.getHeaders(gone), encoding: 'application/json' })
// The bikers' handle moves, and somebody else takes the old one; the force's moves alone.
await town.updateHandle(bikers, 'bikers-now.test')
await town.updateHandle(force, 'force-now.test')
await network.processAll(120_000)
const squatter = await register('squatter', 'bikers.test')
await describe(squatter, 'Somebody else', 'not the police')
await network.processAll(120_000)

const here = riders.slice(0, -1)
const acted = (list) => list.filter((did) => did !== gone).sort()
const said = {
  url: network.bsky.url,
  accounts: { bikers, force, squatter },
  handles: { bikers: 'bikers.test', force: 'force.test' },
  followers: { bikers: here.toSorted(), force: acted(riders.filter((_, n) => n % 3 === 0)) },
  posts: N_POSTS + 1,
  first_post: posts[0].uriStr,
  likes: here.toSorted(),
  reposts: acted(riders.filter((_, n) => n % 2)),
  quotes: acted(quoters),
  replies: acted(replies.map((reply) => reply.rider)),
}
// Whole or not at all: whoever waits for the file reads it as soon as it is there.
await writeFile(`${planted}.part`, JSON.stringify(said, null, 1))
await rename(`${planted}.part`, planted)
console.log(`planted: ${said.url}`)
setInterval(() => {}, 1 << 30)
