#include "simtee/launch_description.h"

#include "simtee/environment.h"
#include "simtee/launch.h"
#include "testing/mutations.h"
#include "testing/result_matchers.h"

namespace strongroom::simtee {
namespace {

using strongroom::testing::Fails;

constexpr std::string_view kWhole = R"({
  "format": "strongroom-launch/1",
  "comment": "an agent that starts a model server",
  "program": "../bin/agent",
  "argv": ["agent", "run"],
  "env": {"LOG_FORMAT": "json"},
  "host_env": ["TYPE", "ADDRESS"],
  "programs": ["../bin/server"],
  "plugins": ["b.so", "a.so"],
  "files": ["x.json", {"path": "/etc/agent.json", "source": "agent.json"}],
  "mounts": [{"path": "/state", "writable": true}, {"path": "/models"}],
  "working_directory": "/state",
  "product_id": 2,
  "security_version": 65535,
  "debug": true
})";

Result<LaunchDescription> Parse(std::string_view json) {
  return ParseLaunchDescription(json, "/home/owner");
}

// The smallest description with `members` in it.
Result<LaunchDescription> ParseWith(const std::string& members) {
  return Parse(R"({"format":"strongroom-launch/1",)" + members + "}");
}

TEST(LaunchDescription, ReadsEveryMember) {
  ASSERT_OK_AND_ASSIGN(const LaunchDescription d, Parse(kWhole));
  EXPECT_EQ(d.program, "/home/bin/agent");
  EXPECT_EQ(d.argv, (std::vector<std::string>{"agent", "run"}));
  EXPECT_EQ(d.env, (std::map<std::string, std::string>{{"LOG_FORMAT", "json"}}));
  EXPECT_EQ(d.host_env, (std::vector<std::string>{"ADDRESS", "TYPE"}));
  EXPECT_EQ(d.programs, std::vector<std::string>{"/home/bin/server"});
  EXPECT_EQ(d.plugins, (std::vector<std::string>{"/home/owner/a.so", "/home/owner/b.so"}));
  EXPECT_EQ(d.files, (std::vector<DescribedFile>{{"/etc/agent.json", "/home/owner/agent.json"},
                                                 {"/home/owner/x.json", "/home/owner/x.json"}}));
  EXPECT_EQ(d.mounts, (std::vector<DescribedMount>{{"/models", false}, {"/state", true}}));
  EXPECT_EQ(d.working_directory, "/state");
  EXPECT_EQ(d.product_id, 2);
  EXPECT_EQ(d.security_version, 65535);
  EXPECT_TRUE(d.debug);
}

TEST(LaunchDescription, HasNothingUnlessDescribed) {
  ASSERT_OK_AND_ASSIGN(const LaunchDescription d, Parse(R"({"format":"strongroom-launch/1"})"));
  EXPECT_TRUE(d.program.empty() && d.argv.empty() && d.env.empty() && d.host_env.empty());
  EXPECT_TRUE(d.programs.empty() && d.plugins.empty() && d.files.empty() && d.mounts.empty());
  EXPECT_FALSE(d.debug);
  EXPECT_EQ(d.working_directory, "/");
}

TEST(LaunchDescription, RefusesWhatItIsNot) {
  struct Row {
    std::string members;
    Code code;
    std::string text;
  };
  const Row rows[] = {
      {R"("programm":"/x")", Code::kMalformed, "unknown member \"programm\""},
      {R"("program":"/x","program":"/y")", Code::kMalformed, "program"},
      {R"("program":7)", Code::kMalformed, "program"},
      {R"("program":"")", Code::kMalformed, "empty path"},
      {R"("program":"/a\u0000b")", Code::kMalformed, "without NUL"},
      {R"("argv":"x")", Code::kMalformed, "argv is no array"},
      {R"("argv":[1])", Code::kMalformed, "argv[0]"},
      {R"("argv":["a\u0000b"])", Code::kMalformed, "argv contains a NUL"},
      {R"("env":["A=b"])", Code::kMalformed, "env is no object"},
      {R"("env":{"A":1})", Code::kMalformed, "env.A"},
      {R"("env":{"A=B":"c"})", Code::kMalformed, "no environment variable name"},
      {R"("env":{"":"c"})", Code::kMalformed, "no environment variable name"},
      {R"("env":{"A":"b\u0000"})", Code::kMalformed, "A contains a NUL"},
      {R"("env":{"LD_PRELOAD":"/x.so"})", Code::kDenied, "LD_PRELOAD steers the loader"},
      {R"("host_env":["GLIBC_TUNABLES"])", Code::kDenied, "GLIBC_TUNABLES steers the loader"},
      {R"("host_env":["OPENSSL_CONF"])", Code::kDenied, "OPENSSL_CONF steers the loader"},
      {R"("host_env":["JDK_JAVA_OPTIONS"])", Code::kDenied, "chooses what an interpreter runs"},
      {R"("host_env":["CLASSPATH"])", Code::kDenied, "chooses what an interpreter runs"},
      {R"("host_env":["LUA_INIT_5_4"])", Code::kDenied, "chooses what an interpreter runs"},
      {R"("host_env":["DOTNET_STARTUP_HOOKS"])", Code::kDenied, "chooses what an interpreter runs"},
      {R"("host_env":["A","A"])", Code::kMalformed, "host_env names A twice"},
      {R"("env":{"A":"b"},"host_env":["A"])", Code::kMalformed, "A stands in env and in host_env"},
      {R"("programs":["/a","/b/../a"])", Code::kMalformed, "programs names /a twice"},
      {R"("plugins":["/a","/a"])", Code::kMalformed, "plugins names /a twice"},
      {R"("files":["/a",{"path":"/a","source":"/b"}])", Code::kMalformed, "files names /a twice"},
      {R"("files":[{"path":"/a"}])", Code::kMalformed, "source"},
      {R"("files":[{"path":"a","source":"/b"}])", Code::kMalformed, "wanted an absolute path"},
      {R"("files":[{"path":"/a/../b","source":"/b"}])", Code::kMalformed, "without . and .."},
      {R"("files":[{"path":"/a","source":"/b","mode":1}])", Code::kMalformed, "mode"},
      {R"("mounts":["/a"])", Code::kMalformed, "mounts[0] is no object"},
      {R"("mounts":[{"path":"a"}])", Code::kMalformed, "wanted an absolute path"},
      {R"("mounts":[{"path":"/a","writable":1}])", Code::kMalformed, "writable"},
      {R"("mounts":[{"path":"/a"},{"path":"/a","writable":true}])", Code::kMalformed,
       "mounts names /a twice"},
      {R"("mounts":[{"path":"/"}])", Code::kDenied, "mount at /"},
      {R"("mounts":[{"path":"/proc/self"}])", Code::kDenied, "mount at /proc/self"},
      {R"("mounts":[{"path":"/dev"}])", Code::kDenied, "mount at /dev"},
      {R"("working_directory":"here")", Code::kMalformed, "wanted an absolute path"},
      {R"("product_id":65536)", Code::kMalformed, "product_id is 65536, wanted at most 65535"},
      {R"("product_id":-1)", Code::kMalformed, "product_id"},
      {R"("security_version":"1")", Code::kMalformed, "security_version"},
      {R"("debug":"yes")", Code::kMalformed, "debug"},
  };
  for (const Row& row : rows)
    EXPECT_THAT(ParseWith(row.members), Fails(row.code, row.text)) << row.members;
}

TEST(LaunchDescription, OfAnotherFormatIsUnsupported) {
  EXPECT_THAT(Parse(R"({"format":"strongroom-launch/2"})"),
              Fails(Code::kUnsupported, "strongroom-launch/1"));
  EXPECT_THAT(Parse(R"({"program":"/x"})"), Fails(Code::kMalformed, "format"));
  EXPECT_THAT(Parse("[]"), Fails(Code::kMalformed, ""));
}

TEST(LaunchDescription, IsBounded) {
  const std::string large(kMaxLaunchDescriptionBytes, ' ');
  EXPECT_THAT(Parse(std::string(kWhole) + large), Fails(Code::kExhausted, ""));
  EXPECT_THAT(ParseWith(R"("files":[[[[[]]]]])"), Fails(Code::kExhausted, ""));
}

TEST(LaunchDescription, TruncatedIsNone) {
  strongroom::testing::ForEachTruncation(AsBytes(kWhole), [](ByteView cut, std::size_t length) {
    EXPECT_FALSE(Parse(AsText(cut)).has_value()) << length;
  });
}

TEST(LaunchDescription, FlippedIsReadOrRefusedButNeverSteersTheLoader) {
  strongroom::testing::ForEachFlippedByte(AsBytes(kWhole),
                                          [](ByteView flipped, std::size_t offset) {
                                            const auto parsed = Parse(AsText(flipped));
                                            if (!parsed.has_value()) return;
                                            for (const auto& [name, value] : parsed->env)
                                              EXPECT_FALSE(IsRefusedVariable(name)) << offset;
                                            for (const auto& name : parsed->host_env)
                                              EXPECT_FALSE(IsRefusedVariable(name)) << offset;
                                          });
}

TEST(DescribeLaunch, LetsTheCommandLineReplaceProgramAndArguments) {
  LaunchRequest request;
  request.described.program = "/bin/cat";
  request.described.argv = {"cat", "x"};
  ASSERT_OK_AND_ASSIGN(LaunchDescription d, DescribeLaunch(request, ""));
  EXPECT_EQ(d.argv, (std::vector<std::string>{"cat", "x"}));
  request.command = {"/bin/ls", "-l"};
  ASSERT_OK_AND_ASSIGN(d, DescribeLaunch(request, ""));
  EXPECT_EQ(d.program, "/bin/ls");
  EXPECT_EQ(d.argv, (std::vector<std::string>{"/bin/ls", "-l"}));
}

TEST(DescribeLaunch, LooksForProgramsInThePath) {
  LaunchRequest request;
  request.command = {"ls"};
  ASSERT_OK_AND_ASSIGN(const LaunchDescription d,
                       DescribeLaunch(request, "/nowhere:relative:/bin"));
  EXPECT_EQ(d.program, "/bin/ls");
  EXPECT_THAT(DescribeLaunch(request, "/nowhere"),
              Fails(Code::kNotFound, "no program \"ls\" in PATH"));
  EXPECT_THAT(DescribeLaunch({}, "/bin"), Fails(Code::kMalformed, "no program named"));
}

TEST(DescribeLaunch, NamesTheProgramItselfWhenNoArgumentsAreDescribed) {
  LaunchRequest request;
  request.described.program = "/bin/cat";
  ASSERT_OK_AND_ASSIGN(const LaunchDescription d, DescribeLaunch(request, ""));
  EXPECT_EQ(d.argv, std::vector<std::string>{"cat"});
}

TEST(Environment, HoldsTheDescribedAndWhatTheHostMayChoose) {
  LaunchDescription description;
  description.env = {{"A", "1"}};
  description.host_env = {"B", "C"};
  const auto host = [](const std::string& name) -> std::optional<std::string> {
    if (name == "B") return "x=y";
    if (name == "A" || name == "D") return "host";
    return std::nullopt;
  };
  EXPECT_EQ(BuildEnvironment(description, host), (std::vector<std::string>{"A=1", "B=x=y"}));
}

}  // namespace
}  // namespace strongroom::simtee
