#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strongroom {

using MetricLabels = std::map<std::string, std::string>;

// Handles stay valid as long as the Metrics they came from. All are safe from any thread.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
  virtual double value() const = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;
  virtual double value() const = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// A program's metrics, made by main (prometheus-cpp behind the door). Asking twice for one name and
// label set gives the same handle. The number of label sets of one name is bounded (1000): beyond
// it a shared "other" handle is given.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  Counter& CounterOf(const std::string& name, const std::string& help,
                     const MetricLabels& labels = {});
  Gauge& GaugeOf(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Histogram& HistogramOf(const std::string& name, const std::string& help,
                         const std::vector<double>& bounds, const MetricLabels& labels = {});

  // Prometheus text exposition format 0.0.4: all series, or those whose labels `wanted` agrees to.
  std::string Render() const;
  std::string Render(const std::function<bool(const MetricLabels&)>& wanted) const;
  // All of them without `label`: series that differ in nothing else are added up.
  std::string RenderWithout(const std::string& label) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strongroom
