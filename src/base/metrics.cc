#include "base/metrics.h"

#include <mutex>
#include <set>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace strongroom {
namespace {

constexpr std::size_t kMaxLabelSets = 1000;

class CounterHandle final : public Counter {
 public:
  explicit CounterHandle(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class GaugeHandle final : public Gauge {
 public:
  explicit GaugeHandle(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double amount) override { gauge_.Increment(amount); }
  double value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class HistogramHandle final : public Histogram {
 public:
  explicit HistogramHandle(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

MetricLabels LabelsOf(const prometheus::ClientMetric& series) {
  MetricLabels out;
  for (const auto& label : series.label) out.emplace(label.name, label.value);
  return out;
}

// Both are of one name, so of one kind and with the same buckets.
void AddUp(const prometheus::ClientMetric& from, prometheus::ClientMetric& to) {
  to.counter.value += from.counter.value;
  to.gauge.value += from.gauge.value;
  to.histogram.sample_count += from.histogram.sample_count;
  to.histogram.sample_sum += from.histogram.sample_sum;
  for (std::size_t i = 0; i < to.histogram.bucket.size() && i < from.histogram.bucket.size(); ++i)
    to.histogram.bucket[i].cumulative_count += from.histogram.bucket[i].cumulative_count;
}

std::string Serialize(std::vector<prometheus::MetricFamily> families) {
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

template <class Handle>
using Handles = std::map<std::string, std::map<MetricLabels, std::unique_ptr<Handle>>>;

}  // namespace

struct Metrics::Impl {
  // The handle of (name, labels), made by `make(labels)` when it is new. Past the bound every label
  // value is "other".
  template <class Handle, class Make>
  Handle& Find(Handles<Handle>& handles, const std::string& name, const MetricLabels& labels,
               Make make) {
    const std::lock_guard lock(mutex);
    auto& sets = handles[name];
    MetricLabels key = labels;
    if (!sets.contains(key) && sets.size() >= kMaxLabelSets) {
      for (auto& [label, value] : key) value = "other";
    }
    auto& handle = sets[key];
    if (!handle) handle = make(key);
    return *handle;
  }

  std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  Handles<CounterHandle> counters;
  Handles<GaugeHandle> gauges;
  Handles<HistogramHandle> histograms;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::CounterOf(const std::string& name, const std::string& help,
                            const MetricLabels& labels) {
  return impl_->Find(impl_->counters, name, labels, [&](const MetricLabels& key) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<CounterHandle>(family.Add(key));
  });
}

Gauge& Metrics::GaugeOf(const std::string& name, const std::string& help,
                        const MetricLabels& labels) {
  return impl_->Find(impl_->gauges, name, labels, [&](const MetricLabels& key) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<GaugeHandle>(family.Add(key));
  });
}

Histogram& Metrics::HistogramOf(const std::string& name, const std::string& help,
                                const std::vector<double>& bounds, const MetricLabels& labels) {
  return impl_->Find(impl_->histograms, name, labels, [&](const MetricLabels& key) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<HistogramHandle>(family.Add(key, bounds));
  });
}

std::string Metrics::Render() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

std::string Metrics::Render(const std::function<bool(const MetricLabels&)>& wanted) const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (auto& family : families)
    std::erase_if(family.metric, [&](const auto& series) { return !wanted(LabelsOf(series)); });
  return Serialize(std::move(families));
}

std::string Metrics::RenderWithout(const std::string& label) const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (auto& family : families) {
    std::map<MetricLabels, prometheus::ClientMetric> sums;
    for (prometheus::ClientMetric& series : family.metric) {
      std::erase_if(series.label, [&](const auto& found) { return found.name == label; });
      const auto [sum, is_new] = sums.try_emplace(LabelsOf(series), series);
      if (!is_new) AddUp(series, sum->second);
    }
    family.metric.clear();
    for (auto& [labels, sum] : sums) family.metric.push_back(std::move(sum));
  }
  return Serialize(std::move(families));
}

}  // namespace strongroom
