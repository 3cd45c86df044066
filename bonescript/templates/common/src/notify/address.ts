/** Which addresses belong to the internet at large, and so may be called by a URL that somebody set. */
import { BlockList, isIP } from "node:net";

/** Networks of RFC 6890 and its successors that are not for everyone. */
const RESERVED_V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Inside of 2000::/3, which is all of IPv6 that is given out. */
const RESERVED_V6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const reservedV4 = new BlockList();
for (const [network, prefix] of RESERVED_V4) reservedV4.addSubnet(network, prefix, "ipv4");
const reservedV6 = new BlockList();
for (const [network, prefix] of RESERVED_V6) reservedV6.addSubnet(network, prefix, "ipv6");
const givenOut = new BlockList();
givenOut.addSubnet("2000::", 3, "ipv6");

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !reservedV4.check(address, "ipv4");
    case 6:
      return givenOut.check(address, "ipv6") && !reservedV6.check(address, "ipv6");
    default:
      return false;
  }
}
