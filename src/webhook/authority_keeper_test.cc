// The keeper against an API server that is a few routes: objects with versions, Secrets and
// admission configurations, conflicts and refusals.
#include "webhook/authority_keeper.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/files.h"
#include "base/guarded.h"
#include "net/server.h"
#include "testing/result_matchers.h"
#include "webhook/testing/apply_patch.h"

namespace strongroom::webhook {
namespace {

using nlohmann::json;
using strongroom::testing::Fails;

constexpr const char* kSecret = "/api/v1/namespaces/strongroom/secrets/authority";
constexpr const char* kMutating =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/own";
constexpr const char* kValidating =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/own";

class FakeApiServer {
 public:
  FakeApiServer() {
    auto router = std::make_shared<net::Router>();
    for (const char* method : {"GET", "PUT", "POST", "PATCH"})
      router->Handle(method, "/{path...}", [this](const net::Request& r) { return Answer(r); });
    net::ServerOptions options{.event_loops = 1};
    options.listeners.push_back({.address = "127.0.0.1:0", .router = router});
    server_ = net::Server::Start(std::move(options)).value();
  }
  ~FakeApiServer() { server_->Stop(); }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }
  void Put(const std::string& path, json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = std::move(object);
  }
  json& At(const std::string& path) { return objects_.at(path); }
  void Remove(const std::string& path) { objects_.erase(path); }
  // Called once, before the next write: as if another copy of the program were faster.
  void BeforeNextWrite(std::function<void()> action) { before_write_ = std::move(action); }
  std::size_t writes() const { return writes_; }
  std::string refuse;  // path of objects whose writing is forbidden
  std::string token;   // as last seen

 private:
  static net::Response Say(int status, const std::string& message) {
    return net::Response::Json(status, json({{"kind", "Status"}, {"message", message}}).dump());
  }

  net::Response Answer(const net::Request& request) {
    token = request.headers.Get("authorization").value_or("");
    if (request.method != "GET" && before_write_) std::exchange(before_write_, nullptr)();
    const auto found = objects_.find(request.path);
    if (request.method == "POST") return Create(request);
    if (found == objects_.end()) return Say(404, "not found");
    if (request.method == "GET") return net::Response::Json(200, found->second.dump());
    if (request.path == refuse) return Say(403, "forbidden: cannot patch");
    return Patch(request, found->second);
  }

  net::Response Create(const net::Request& request) {
    json object = json::parse(AsText(request.body.view()));
    const std::string path = request.path + "/" + object["metadata"]["name"].get<std::string>();
    if (objects_.contains(path)) return Say(409, "already exists");
    Put(path, object);
    ++writes_;
    return net::Response::Json(201, objects_[path].dump());
  }

  net::Response Patch(const net::Request& request, json& object) {
    EXPECT_EQ(request.headers.Get("content-type"), "application/json-patch+json");
    const auto patched = testing::ApplyPatch(object, json::parse(AsText(request.body.view())));
    if (!patched.has_value()) return Say(422, patched.error().message());
    if ((*patched)["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"])
      return Say(409, "the object has been modified");
    object = *patched;
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    ++writes_;
    return net::Response::Json(200, object.dump());
  }

  std::map<std::string, json> objects_;
  int version_ = 0;
  std::size_t writes_ = 0;
  std::function<void()> before_write_;
  std::unique_ptr<net::Server> server_;
};

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Make("keeper-test");
    ASSERT_OK(folder);
    folder_.emplace(*std::move(folder));
    ASSERT_OK(WriteFileAtomic(folder_->path() / "token", AsBytes("secret-token\n"), 0600));
    server_.Put(kSecret, {{"kind", "Secret"}, {"metadata", {{"labels", {{"kept", "yes"}}}}}});
    for (const char* path : {kMutating, kValidating})
      server_.Put(path,
                  {{"webhooks", json::array({{{"name", "a"}, {"clientConfig", {{"url", "u"}}}},
                                             {{"name", "b"}, {"clientConfig", {{"url", "u"}}}}})}});
  }

  k8s::ApiClient Client() {
    return k8s::ApiClient({.url = server_.url(), .token = folder_->path() / "token"});
  }
  AuthorityKeeper Keeper(k8s::ApiClient& api, std::vector<ServingState>& shown) {
    return {api,
            {.names = {"own.strongroom.svc"},
             .name_space = "strongroom",
             .secret = "authority",
             .webhook_configuration = "own"},
            clock_,
            log_,
            [&shown](const ServingState& state) -> Status {
              shown.push_back(state);
              return {};
            }};
  }
  std::string BundleAt(const char* path, std::size_t webhook) {
    const json& config = server_.At(path)["webhooks"][webhook]["clientConfig"];
    return ToText(Base64Decode(config.value("caBundle", "")).value());
  }

  std::optional<TemporaryFolder> folder_;
  FakeApiServer server_;
  FixedClock clock_{UnixSeconds{1'800'000'000}};
  Log log_{"keeper-test", LogLevel::kError, LogFormat::kText};
};

TEST_F(KeeperTest, MakesPublishesAndShows) {
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  AuthorityKeeper keeper = Keeper(api, shown);
  ASSERT_OK(keeper.Step());
  ASSERT_EQ(shown.size(), 1U);
  for (const char* path : {kMutating, kValidating}) {
    for (const std::size_t webhook : {0U, 1U})
      EXPECT_EQ(BundleAt(path, webhook), CaBundle(shown[0]));
  }
  EXPECT_EQ(server_.At(kSecret)["metadata"]["labels"]["kept"], "yes");
  EXPECT_EQ(server_.token, "Bearer secret-token");
  const std::size_t writes = server_.writes();
  ASSERT_OK(keeper.Step());
  EXPECT_EQ(server_.writes(), writes) << "nothing is due";
  EXPECT_EQ(shown.size(), 1U);
}

TEST_F(KeeperTest, ASecretThatIsNotThereIsMade) {
  server_.Remove(kSecret);
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  ASSERT_OK(Keeper(api, shown).Step());
  EXPECT_TRUE(server_.At(kSecret)["data"].contains("tls.key"));
}

TEST_F(KeeperTest, CopiesServeByOneState) {
  k8s::ApiClient api = Client();
  std::vector<ServingState> first;
  std::vector<ServingState> second;
  AuthorityKeeper one = Keeper(api, first);
  AuthorityKeeper two = Keeper(api, second);
  ASSERT_OK(one.Step());
  ASSERT_OK(two.Step());
  EXPECT_TRUE(first.back().leaf == second.back().leaf);
  clock_.Set(clock_.Now() + 70 * 86'400);
  ASSERT_OK(two.Step());
  ASSERT_OK(one.Step());
  EXPECT_EQ(first.size(), 2U);
  EXPECT_TRUE(first.back().leaf == second.back().leaf);
}

TEST_F(KeeperTest, WhoIsSlowerTakesOverWhatTheOtherWrote) {
  k8s::ApiClient api = Client();
  std::vector<ServingState> slow;
  AuthorityKeeper keeper = Keeper(api, slow);
  ServingState theirs = MakeServingState({"own.strongroom.svc"}, clock_.Now()).value();
  server_.BeforeNextWrite([&] {
    json secret = server_.At(kSecret);
    for (const auto& [name, text] : ToSecretData(theirs))
      secret["data"][name] = Base64Encode(text.Reveal());
    server_.Put(kSecret, secret);
  });
  EXPECT_THAT(keeper.Step(), Fails(Code::kConflict, "has been modified"));
  EXPECT_TRUE(slow.empty()) << "what nobody else has is not shown";
  ASSERT_OK(keeper.Step());
  EXPECT_TRUE(slow.back().leaf == theirs.leaf);
}

TEST_F(KeeperTest, AnUnreadableSecretIsMadeAnew) {
  server_.At(kSecret)["data"] = {{"ca.crt", "bm90aGluZw=="}};
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  ASSERT_OK(Keeper(api, shown).Step());
  EXPECT_EQ(BundleAt(kMutating, 0), CaBundle(shown.at(0)));
}

TEST_F(KeeperTest, SomeoneElsesBundleIsPutRight) {
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  AuthorityKeeper keeper = Keeper(api, shown);
  ASSERT_OK(keeper.Step());
  server_.At(kValidating)["webhooks"][1]["clientConfig"]["caBundle"] = "eA==";
  ASSERT_OK(keeper.Step());
  EXPECT_EQ(BundleAt(kValidating, 1), CaBundle(shown[0]));
}

TEST_F(KeeperTest, ALeafOfAnUnpublishedAuthorityIsNotShownInPlaceOfAGoodOne) {
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  AuthorityKeeper keeper = Keeper(api, shown);
  ASSERT_OK(keeper.Step());
  server_.At(kSecret).erase("data");
  server_.refuse = kMutating;
  EXPECT_THAT(keeper.Step(), Fails(Code::kDenied, "cannot patch"));
  EXPECT_EQ(shown.size(), 1U);
  server_.refuse.clear();
  ASSERT_OK(keeper.Step());
  EXPECT_EQ(shown.size(), 2U);
}

TEST_F(KeeperTest, AMissingConfigurationIsSaid) {
  server_.Remove(kValidating);
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  EXPECT_THAT(Keeper(api, shown).Step(), Fails(Code::kNotFound, "validatingwebhook"));
  EXPECT_EQ(shown.size(), 1U) << "it serves: the other configuration may work";
}

TEST_F(KeeperTest, WithoutATokenNothingIsSent) {
  std::filesystem::remove(folder_->path() / "token");
  k8s::ApiClient api = Client();
  std::vector<ServingState> shown;
  EXPECT_THAT(Keeper(api, shown).Step(), Fails(Code::kNotFound, "token"));
}

TEST(InCluster, NeedsWhatAPodHas) {
  ASSERT_OK_AND_ASSIGN(const TemporaryFolder folder, TemporaryFolder::Make("in-cluster"));
  const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
  const auto pod = [](const std::string& name) {
    return std::optional<std::string>(name == "KUBERNETES_SERVICE_HOST" ? "fd00::1" : "443");
  };
  EXPECT_THAT(k8s::InCluster(nothing, folder.path()),
              Fails(Code::kPrecondition, "wanted a pod of a cluster"));
  EXPECT_THAT(k8s::InCluster(pod, folder.path()),
              Fails(Code::kPrecondition, "automountServiceAccountToken"));
  const auto write = [&](const char* name, std::string_view text) {
    ASSERT_OK(WriteFileAtomic(folder.path() / name, AsBytes(text), 0600));
  };
  write("token", "t");
  write("namespace", "strongroom\n");
  write("ca.crt", "no certificate");
  EXPECT_THAT(k8s::InCluster(pod, folder.path()), Fails(Code::kMalformed, "ca.crt"));
  std::filesystem::create_symlink("looped", folder.path() / "looped");
  EXPECT_THAT(k8s::InCluster(pod, folder.path() / "looped"), Fails(Code::kInternal, "token: "));
  const ServingState state = MakeServingState({"x"}, UnixSeconds{1'800'000'000}).value();
  write("ca.crt", CaBundle(state));
  ASSERT_OK_AND_ASSIGN(const k8s::ClusterAccess access, k8s::InCluster(pod, folder.path()));
  EXPECT_EQ(access.url, "https://[fd00::1]:443");
  EXPECT_EQ(access.name_space, "strongroom");
  EXPECT_EQ(access.roots.size(), 1U);
}

}  // namespace
}  // namespace strongroom::webhook
