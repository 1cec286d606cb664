#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/metrics.h"
#include "net/exchange.h"

namespace strongroom::net {

// A listener's access log and metrics. Any thread.
class RequestObserver {
 public:
  // Both may be null; they outlive the observer.
  RequestObserver(std::string listener, Log* log, Metrics* metrics);

  void Observe(const RequestRecord& record);
  void Opened();
  void Closed(const std::optional<Error>& why);
  void Refused(std::string_view why);

 private:
  std::string listener_;
  Log* log_;
  Metrics* metrics_;
};

}  // namespace strongroom::net
