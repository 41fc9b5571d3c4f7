// Drives hnswlib from standard input, one command a line, one answer a line ("ok key=value ..." or "error text").
// The commands are those of Workers/FaceSearchWorker.cs, so that both libraries run the same steps on the same bytes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <hnswlib/hnswlib.h>

namespace {

double now(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// Wall, this thread's and the whole process's processor time since it was made.
struct Timer {
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  std::string text(const std::string& prefix = "") const {
    std::ostringstream out;
    out << prefix << "wall=" << now(CLOCK_MONOTONIC) - wall << " " << prefix << "cpu=" << now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return out.str();
  }
};

struct Mapping {
  const float* data = nullptr;
  size_t bytes = 0;
};

struct Driver {
  std::map<std::string, Mapping> sets;
  size_t dim = 128;
  std::unique_ptr<hnswlib::InnerProductSpace> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;
  std::vector<size_t> deleted;

  const float* row(const std::string& set, size_t i) { return sets.at(set).data + i * dim; }

  std::string load(std::istream& in) {
    std::string set, path;
    in >> set >> path >> dim;
    int file = open(path.c_str(), O_RDONLY);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) throw std::runtime_error("cannot open " + path);
    void* data = mmap(nullptr, info.st_size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    sets[set] = {static_cast<const float*>(data), static_cast<size_t>(info.st_size)};
    return "rows=" + std::to_string(info.st_size / (4 * dim));
  }

  std::string unload(std::istream& in) {
    std::string set;
    in >> set;
    munmap(const_cast<float*>(sets.at(set).data), sets.at(set).bytes);
    sets.erase(set);
    return "";
  }

  std::string create(std::istream& in) {
    std::string engine, storage;
    size_t capacity, m, efc;
    in >> engine >> storage >> capacity >> m >> efc;
    space.reset(new hnswlib::InnerProductSpace(dim));
    index.reset(new hnswlib::HierarchicalNSW<float>(space.get(), capacity, m, efc));
    return "";
  }

  void parallel(size_t from, size_t to, int threads, const std::function<void(size_t)>& body) {
    std::atomic<size_t> next(from);
    auto work = [&] {
      for (size_t i = next++; i < to; i = next++) body(i);
    };
    std::vector<std::thread> others;
    for (int t = 1; t < threads; t++) others.emplace_back(work);
    work();
    for (auto& t : others) t.join();
  }

  std::string add(std::istream& in) {
    std::string set;
    size_t from, to, label;
    int threads;
    in >> set >> from >> to >> label >> threads;
    Timer timer;
    parallel(from, to, threads, [&](size_t i) { index->addPoint(row(set, i), label + i); });
    return timer.text();
  }

  std::string open_index(std::istream& in) {
    std::string engine, storage, path;
    size_t capacity;
    in >> engine >> storage >> path >> capacity;
    Timer timer;
    space.reset(new hnswlib::InnerProductSpace(dim));
    index.reset(new hnswlib::HierarchicalNSW<float>(space.get(), path, false, capacity));
    std::string text = timer.text();
    if (sets.count("queries")) {
      index->setEf(64);
      index->searchKnn(row("queries", 0), 1);
      text += " " + timer.text("first_");
    }
    return text;
  }

  std::string save(std::istream& in) {
    std::string path;
    in >> path;
    Timer timer;
    index->saveIndex(path);
    return timer.text();
  }

  std::string search(std::istream& in) {
    size_t ef, k, from, to;
    int threads;
    std::string decision, out;
    in >> ef >> k >> from >> to >> threads >> decision >> out;
    index->setEf(ef);
    std::vector<int> ids((to - from) * k, -1);
    std::vector<double> each(to - from);
    Timer timer;
    parallel(from, to, threads, [&](size_t q) {
      double start = now(CLOCK_THREAD_CPUTIME_ID);
      auto found = index->searchKnn(row("queries", q), k);
      size_t at = found.size();
      while (!found.empty()) {
        ids[(q - from) * k + --at] = static_cast<int>(found.top().second);
        found.pop();
      }
      each[q - from] = now(CLOCK_THREAD_CPUTIME_ID) - start;
    });
    std::string text = timer.text();
    if (out != "-") std::ofstream(out, std::ios::binary).write(reinterpret_cast<char*>(ids.data()), ids.size() * sizeof(int));
    std::sort(each.begin(), each.end());
    std::ostringstream all;
    double sum = 0;
    for (double e : each) sum += e;
    all << text << " busy=" << sum << " p50=" << each[each.size() / 2] << " p99=" << each[each.size() * 99 / 100];
    return all.str();
  }

  std::string remove(std::istream& in) {
    size_t mod, rest, count;
    in >> mod >> rest >> count;
    deleted.clear();
    Timer timer;
    for (size_t label = rest; label < count; label += mod) {
      index->markDelete(label);
      deleted.push_back(label);
    }
    return timer.text() + " count=" + std::to_string(deleted.size());
  }

  // hnswlib's way to reuse a deleted place: addPoint under its label updates the vector and repairs its links.
  std::string readd(std::istream& in) {
    std::string set;
    size_t from, count;
    in >> set >> from >> count;
    Timer timer;
    count = std::min(count, deleted.size());
    for (size_t i = 0; i < count; i++) index->addPoint(row(set, from + i), deleted[i]);
    return timer.text() + " count=" + std::to_string(count);
  }

  std::string mixed(std::istream& in) {
    std::string set;
    size_t from, to, label, ef;
    in >> set >> from >> to >> label >> ef;
    index->setEf(ef);
    size_t queries = sets.at("queries").bytes / (4 * dim), done = 0;
    std::atomic<bool> stop(false);
    double insert_cpu = 0, search_cpu = 0;
    Timer timer;
    std::thread searcher([&] {
      double start = now(CLOCK_THREAD_CPUTIME_ID);
      for (; !stop; done++) index->searchKnn(row("queries", done % queries), 10);
      search_cpu = now(CLOCK_THREAD_CPUTIME_ID) - start;
    });
    double start = now(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = from; i < to; i++) index->addPoint(row(set, i), label + i);
    insert_cpu = now(CLOCK_THREAD_CPUTIME_ID) - start;
    stop = true;
    searcher.join();
    std::ostringstream all;
    all << timer.text() << " insert_cpu=" << insert_cpu << " search_cpu=" << search_cpu << " queries=" << done;
    return all.str();
  }

  std::string memory() {
    std::ifstream status("/proc/self/status");
    std::string key, line, text;
    while (std::getline(status, line)) {
      std::istringstream fields(line);
      long kib;
      fields >> key >> kib;
      if (key == "RssAnon:") text += "anon=" + std::to_string(kib * 1024);
      if (key == "RssFile:") text += " file=" + std::to_string(kib * 1024);
    }
    return text;
  }

  std::string run(const std::string& line) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "load") return load(in);
    if (command == "unload") return unload(in);
    if (command == "new") return create(in);
    if (command == "add") return add(in);
    if (command == "open") return open_index(in);
    if (command == "save") return save(in);
    if (command == "search") return search(in);
    if (command == "delete") return remove(in);
    if (command == "readd") return readd(in);
    if (command == "mixed") return mixed(in);
    if (command == "memory") return memory();
    throw std::runtime_error("unknown command " + command);
  }
};

}  // namespace

int main() {
  Driver driver;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    try {
      std::cout << "ok " << driver.run(line) << std::endl;
    } catch (const std::exception& e) {
      std::cout << "error " << e.what() << std::endl;
    }
  }
}
