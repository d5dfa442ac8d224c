// What a Prophet model measures its series by: which rows count, when the first and the last of them were, how close they come to each
// other, how large their values are, and where changepoints are spread evenly over them.
#pragma once

#include <cmath>
#include <limits>

#include "parallel.hpp"
#include "prophet_jobs.hpp"

namespace forecaster {

class Observer {
  public:
    explicit Observer(const ObserveJob& job) : job_(job) {}

    void look(Index s) {
        mark(s);
        job_.counts[s] = static_cast<Index>(seen_.size());
        for (int end : {0, 1}) {
            const Index row = seen_.empty() ? 0 : end ? seen_.back() : seen_.front();
            job_.ends[2 * s + end] = row, job_.days[2 * s + end] = seen_.empty() ? nothing : day(s, row);
        }
        job_.closest[s] = closest(s);
        measure(s);
        spread(s);
    }

  private:
    static constexpr double infinite = std::numeric_limits<double>::infinity(), nothing = std::numeric_limits<double>::quiet_NaN();

    // A row counts where it holds a value and, where there is a capacity, that lies above the floor.
    void mark(Index s) {
        const Rows& rows = job_.rows;
        seen_.clear();
        for (Index row = rows.indptr[s]; row < rows.indptr[s + 1]; ++row) {
            job_.there[row] = std::isfinite(job_.target[row]) && (!rows.cap || rows.cap[row] > rows.floor_at(row));
            if (job_.there[row]) seen_.push_back(row);
        }
    }

    double day(Index s, Index row) const { return job_.day[job_.rows.first[s] + row - job_.rows.indptr[s]]; }

    double closest(Index s) const {
        double least = infinite;
        for (std::size_t i = 1; i < seen_.size(); ++i) least = std::min(least, day(s, seen_[i]) - day(s, seen_[i - 1]));
        return least;
    }

    void measure(Index s) {
        double low = infinite, high = -infinite, reach = 0, bottom = infinite, top = -infinite;
        for (Index row : seen_) {
            const double value = job_.target[row], floor = job_.rows.floor_at(row);
            low = std::min(low, value), high = std::max(high, value);
            reach = std::max(reach, std::fabs(value - floor)), bottom = std::min(bottom, floor);
            if (job_.rows.cap) top = std::max(top, job_.rows.cap[row]);
        }
        const double found[] = {low, high, reach, bottom, top};
        for (int i = 0; i < 5; ++i) job_.extremes[5 * s + i] = seen_.empty() ? nothing : found[i];
    }

    // Evenly over the first values; fewer where there are few.
    void spread(Index s) {
        const double room = std::floor(static_cast<double>(seen_.size()) * job_.share);
        const Index points = std::clamp<Index>(static_cast<Index>(room) - 1, 0, job_.n_changepoints);
        for (Index j = 0; j < job_.n_changepoints; ++j) {
            const auto place = [&] { return static_cast<Index>(std::nearbyint(static_cast<double>(j + 1) * ((room - 1) / static_cast<double>(points)))); };
            job_.changepoints[s * job_.n_changepoints + j] = j < points ? day(s, seen_[place()]) : nothing;
        }
    }

    const ObserveJob& job_;
    std::vector<Index> seen_;  // rows of one series that count
};

inline void observe_all(const ObserveJob& job, Index threads) {
    over_series(job.rows.indptr, job.rows.series, threads, [&] {
        return [observer = Observer(job)](Index from, Index to) mutable {
            for (Index s = from; s < to; ++s) observer.look(s);
        };
    });
}

}  // namespace forecaster
