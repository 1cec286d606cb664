#include "base/dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "testing/gramine_system_calls.h"
#include "testing/sanitizers.h"

namespace strongroom {
namespace {

bool CoresAreForbidden() {
  rlimit limit{};
  return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max <= 1;
}

// What `body` returned, in a process of its own.
template <class Body>
bool InAChild(const Body& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body() ? 0 : 1);
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ForbidDumps, HoldsForThisProcessAndItsChildren) {
  EXPECT_TRUE(InAChild([] {
    return prctl(PR_GET_DUMPABLE) == 1 && ForbidDumps().has_value() && CoresAreForbidden() &&
           (testing::kUnderSanitizer || prctl(PR_GET_DUMPABLE) == 0) && InAChild(CoresAreForbidden);
  }));
}

TEST(ForbidDumps, HoldsWhereThereIsNoPrctl) {
  if (testing::kUnderSanitizer)
    GTEST_SKIP() << "skipped: the sanitizers need system calls of their own";
  EXPECT_TRUE(InAChild([] {
    return testing::KeepGramineSystemCallsOnly() && prctl(PR_GET_DUMPABLE) < 0 &&
           ForbidDumps().has_value() && CoresAreForbidden();
  }));
}

}  // namespace
}  // namespace strongroom
