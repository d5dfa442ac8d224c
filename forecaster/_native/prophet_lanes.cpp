// Fits all series at one level of vector instructions: series that were observed at the same steps follow each other and share what
// depends on the steps alone.
#include <cstring>
#include <functional>
#include <numeric>
#include <string_view>

#include "prophet_jobs.hpp"
#include "prophet_mode.hpp"

namespace forecaster {

namespace {

constexpr int lanes = FORECASTER_LANES;

class Fitter {
  public:
    explicit Fitter(const FitJob& job) : job_(job) {}

    void fit(Index s) {
        if (job_.left[s] || empty(s)) return;
        if (at_ < 0 || job_.columns.n_own > 0 || !alike(job_, at_, s)) prepare(s);
        at_ = s;
        gather(s);
        Settings how = job_.settings;
        how.multiplicative = multiplicative_;
        double* sigma = job_.parameters.sigma + s;
        const Found found = search(how, std::isnan(*sigma) ? from_mean() : *sigma * *sigma);
        scatter(s);
        *sigma = std::sqrt(found.v);
        job_.criterion[s] = found.sound ? found.criterion : std::numeric_limits<double>::quiet_NaN();
        job_.slack[s] = found.slack;
        job_.passes[s] = found.passes;
    }

    // Whether two series were observed at the same steps and have the same columns.
    static bool alike(const FitJob& job, Index a, Index b) {
        const Index n = job.rows.size(a), width = job.columns.n(), points = job.scales.n_changepoints;
        const auto same = [&](const auto* values, Index stride) {
            return std::memcmp(values + a * stride, values + b * stride, stride * sizeof(*values)) == 0;
        };
        if (n != job.rows.size(b) || job.rows.first[a] != job.rows.first[b]) return false;
        if (!same(job.scales.begin, 1) || !same(job.scales.span, 1) || !same(job.columns.wanted, width)) return false;
        return same(job.scales.changepoints, points) && std::memcmp(job.there + job.rows.indptr[a], job.there + job.rows.indptr[b], n) == 0;
    }

  private:
    // The prior of m = -c / k keeps the rate of logistic growth on the side of zero where it starts, so both sides are tried.
    Found search(const Settings& how, double v) {
        const double* cap = job_.rows.cap ? cap_.data() : nullptr;
        if (!logistic() || how.hold_sigma) return mode_.find(calendar_, how, y_.data(), cap, theta_.data(), v);
        const Found one = mode_.find(calendar_, how, y_.data(), cap, theta_.data(), v);
        std::vector<double> other = theta_;
        other[0] = -theta_[0];
        const double beat = one.criterion - 1e-6;
        const Found two = mode_.find(calendar_, how, y_.data(), cap, other.data(), one.v, beat);
        if (one.sound && !(two.sound && two.criterion < beat)) return one;
        theta_.swap(other);
        return two;
    }

    bool logistic() const { return job_.settings.growth == Growth::logistic; }
    bool empty(Index s) const { return std::memchr(job_.there + job_.rows.indptr[s], true, job_.rows.size(s)) == nullptr; }
    double cell(Index s, Index row, Index column) const {
        const Columns& of = job_.columns;
        if (column < of.n_shared) return of.shared[(job_.rows.first[s] + row) * of.n_shared + column];
        return of.own[(job_.rows.indptr[s] + row) * of.n_own + column - of.n_shared];
    }

    void prepare(Index s) {
        seen_.clear();
        for (Index i = 0; i < job_.rows.size(s); ++i)
            if (job_.there[job_.rows.indptr[s] + i]) seen_.push_back(i);
        choose(s);
        describe(s);
        fill(s);
        if (logistic() || multiplicative_) return;
        calendar_.gram.shape(calendar_.p, calendar_.p);
        for (Index r = 0; r < calendar_.n; r += outer_rows) {
            const double* x = calendar_.rows[r];
            add_outer<lanes>(calendar_.gram, x, [x](Index) { return x; }, calendar_.live[r / outer_rows]);
        }
        mirror(calendar_.gram);
    }

    // The columns that a series has and that are not all zero where it was observed.
    void choose(Index s) {
        calendar_.columns.clear();
        const bool* wanted = job_.columns.wanted + s * job_.columns.n();
        for (Index c = 0; c < job_.columns.n(); ++c)
            if (wanted[c] && std::any_of(seen_.begin(), seen_.end(), [&](Index i) { return cell(s, i, c) != 0; })) calendar_.columns.push_back(c);
    }

    void describe(Index s) {
        const double* points = job_.scales.changepoints + s * job_.scales.n_changepoints;
        const Index bends = std::find_if(points, points + job_.scales.n_changepoints, [](double t) { return std::isnan(t); }) - points;
        Calendar& of = calendar_;
        of.n = static_cast<Index>(seen_.size());
        of.q = trend_columns + static_cast<Index>(of.columns.size());
        of.p = of.q + bends;
        const Index stride = padded(of.p);
        for (auto* part : {&of.precision, &of.of_trend, &of.of_product, &of.of_sum}) part->assign(stride, 0.0);
        of.part.assign(of.p, 0);
        multiplicative_ = false;
        for (Index c = 0; c < of.p; ++c) {
            const bool in_trend = c < trend_columns || c >= of.q;
            const Index column = in_trend ? 0 : of.columns[c - trend_columns];
            const bool product = !in_trend && job_.columns.multiplicative[column];
            of.precision[c] = in_trend ? 0.0 : job_.columns.precision[column];
            of.part[c] = in_trend ? 0 : product ? 1 : 2;
            (in_trend ? of.of_trend : product ? of.of_product : of.of_sum)[c] = 1.0;
            multiplicative_ |= product;
        }
    }

    void fill(Index s) {
        Calendar& of = calendar_;
        const double* points = job_.scales.changepoints + s * job_.scales.n_changepoints;
        of.rows.shape((of.n + outer_rows - 1) / outer_rows * outer_rows, of.p);
        of.live.assign(of.rows.rows / outer_rows, 0);
        for (Index r = 0; r < of.n; ++r) {
            double* out = of.rows[r];
            const double t = job_.scales.time(s, job_.columns.day[job_.rows.first[s] + seen_[r]]);
            out[0] = job_.settings.growth == Growth::flat ? 0.0 : t;
            out[1] = 1.0;
            for (std::size_t c = 0; c < of.columns.size(); ++c) out[trend_columns + c] = cell(s, seen_[r], of.columns[c]);
            for (Index j = of.q; j < of.p; ++j) out[j] = std::max(t - points[j - of.q], 0.0);
            const auto last = std::find_if(std::make_reverse_iterator(out + of.p), std::make_reverse_iterator(out), [](double x) { return x != 0; });
            of.live[r / outer_rows] = std::max(of.live[r / outer_rows], last.base() - out);
        }
    }

    void gather(Index s) {
        const Rows& rows = job_.rows;
        y_.clear(), cap_.clear();
        for (Index i : seen_) {
            const Index row = rows.indptr[s] + i;
            y_.push_back(job_.scales.value(rows, s, row, job_.target[row]));
            if (rows.cap) cap_.push_back(job_.scales.value(rows, s, row, rows.cap[row]));
        }
        theta_.assign(calendar_.rows.stride, 0.0);
        each_parameter(s, [](double& here, double& there) { here = there; });
        if (logistic()) theta_[1] *= -theta_[0];
    }
    // Before the search the trend is the mean and all else is noise: the variance of that.
    double from_mean() {
        double sum = 0, squares = 0;
        for (double y : y_) sum += y;
        theta_[1] = sum / y_.size();
        for (double y : y_) squares += (y - theta_[1]) * (y - theta_[1]);
        return squares / std::max<std::size_t>(y_.size() - 1, 1);
    }

    void scatter(Index s) {
        if (logistic()) theta_[1] /= -theta_[0];
        double* theta = job_.parameters.theta + s * width();
        std::fill(theta, theta + width(), 0.0);
        each_parameter(s, [](double& here, double& there) { there = here; });
    }

    Index width() const { return trend_columns + job_.columns.n() + job_.scales.n_changepoints; }

    template <class Act>
    void each_parameter(Index s, Act act) {
        double* theta = job_.parameters.theta + s * width();
        for (Index c = 0; c < calendar_.p; ++c) {
            const Index at = c < trend_columns  ? c
                             : c < calendar_.q ? trend_columns + calendar_.columns[c - trend_columns]
                                               : trend_columns + job_.columns.n() + c - calendar_.q;
            act(theta_[c], theta[at]);
        }
    }

    const FitJob& job_;
    Index at_ = -1;
    bool multiplicative_ = false;
    Calendar calendar_;
    Mode<lanes> mode_;
    std::vector<Index> seen_;
    std::vector<double> y_, cap_, theta_;
};

// Series in an order in which those that are alike stand together: by a fingerprint of what `alike` compares.
std::vector<Index> in_order(const FitJob& job) {
    std::vector<std::uint64_t> print(job.rows.series);
    for (Index s = 0; s < job.rows.series; ++s) {
        const auto bytes = [](const bool* flags, Index n) { return std::hash<std::string_view>{}({reinterpret_cast<const char*>(flags), static_cast<std::size_t>(n)}); };
        std::uint64_t hash = 1469598103934665603ULL;
        const auto mix = [&](std::uint64_t x) { hash = (hash ^ x) * 1099511628211ULL; };
        mix(job.rows.first[s]), mix(job.rows.size(s));
        mix(bytes(job.there + job.rows.indptr[s], job.rows.size(s)));
        mix(bytes(job.columns.wanted + s * job.columns.n(), job.columns.n()));
        print[s] = hash;
    }
    std::vector<Index> order(job.rows.series);
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return print[a] < print[b]; });
    return order;
}

}  // namespace

template <>
void fit_all<lanes>(const FitJob& job, Index threads) {
    constexpr Index worth = 500;  // rows that pay for a thread
    const auto order = in_order(job);
    std::vector<Index> work(order.size() + 1, 0);
    for (std::size_t i = 0; i < order.size(); ++i) work[i + 1] = work[i] + job.rows.size(order[i]);
    over_series(work.data(), job.rows.series, threads, [&] {
        return [&, fitter = Fitter(job)](Index from, Index to) mutable {
            for (Index i = from; i < to; ++i) fitter.fit(order[i]);
        };
    }, worth);
}

}  // namespace forecaster
