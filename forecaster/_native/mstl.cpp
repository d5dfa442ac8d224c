// forecaster._native.mstl: several seasons out of all series of a table in one call (see mstl.pyi; the equations stand in mstl.hpp).
#include "mstl.hpp"

#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "parallel.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

// What is missing before the first value is no gap to be bridged.
double one_series(const double* x, Index n, const std::vector<Index>& periods, StlRoom& room, double* left, double* last, Index width) {
    std::fill(last, last + width, 0.0);
    for (; n > 0 && !std::isfinite(*x); --n) *left++ = *x++;
    return n > 0 ? mstl(x, n, periods, room, left, last) : 0.0;
}

void decompose(const Row<const double>& values, const Row<const Index>& indptr, const std::vector<Index>& periods, const Row<double>& left,
               const Sheet<double>& last, const Row<double>& share, Index threads) {
    const Index series = series_of(values, indptr);
    Index width = 0;
    for (const Index period : periods) {
        expect(period > 0, "periods must be 1 or more");
        width += period;
    }
    expect(std::is_sorted(periods.begin(), periods.end()) && left.size() == values.size() && is_sheet(last, series, width) &&
               static_cast<Index>(share.size()) == series,
           "periods must ascend, left (rows,), last (series, sum of the periods), share (series,)");
    over_series(
        indptr.data(), series, threads,
        [&](Index first, Index end) {
            StlRoom room;
            for (Index s = first; s < end; ++s) {
                const Index begin = indptr(s), n = indptr(s + 1) - begin;
                share(s) = one_series(values.data() + begin, n, periods, room, left.data() + begin, row_of(last, s), width);
            }
        },
        2000);
}

}  // namespace

NB_MODULE(mstl, m) {
    m.def("decompose", &decompose, nb::arg("values"), nb::arg("indptr"), nb::arg("periods"), nb::arg("left").noconvert(), nb::arg("last").noconvert(),
          nb::arg("share").noconvert(), nb::arg("threads") = 1, nb::call_guard<nb::gil_scoped_release>());
}
