#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "simtee/measured_set.h"

// A measured set names the libraries that the loader opens when it has neither a cache nor
// processor-specific folders. A root that was not made by us may have both.
namespace strongroom::simtee {

struct CachedLibrary {
  std::string name;  // "libc.so.6"
  std::string path;
};

// The x86-64 entries of a loader's cache (/etc/ld.so.cache, "glibc-ld.so.cache1.1", after whatever
// stands before it). kMalformed when its tables do not hold together; kUnsupported for the old
// format alone.
Result<std::vector<CachedLibrary>> ParseLoaderCache(ByteView bytes);

// That the loader, in this process's root, opens the measured libraries and no others in their
// stead: no /etc/ld.so.preload, no cache that names another file for one of them, no
// processor-specific variant, no search folder that depends on the processor. kDenied, naming it.
Status CheckLoaderLookup(const MeasuredSet& files);

}  // namespace strongroom::simtee
