// The arrays that kernels are given, and what is checked about them before anything runs.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace forecaster {

using Index = std::int64_t;

template <class T>
using Row = nanobind::ndarray<T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <class T>
using Sheet = nanobind::ndarray<T, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;
template <class T>
using Cube = nanobind::ndarray<T, nanobind::ndim<3>, nanobind::c_contig, nanobind::device::cpu>;
// A sheet whose rows and columns may lie anywhere.
template <class T>
using Loose = nanobind::ndarray<T, nanobind::ndim<2>, nanobind::device::cpu>;

inline void expect(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

// The number of series that the boundaries tell of.
template <class T>
Index series_of(const Row<const T>& values, const Row<const Index>& indptr) {
    const Index* at = indptr.data();
    const Index ends = static_cast<Index>(indptr.size());
    expect(ends > 0 && at[0] == 0 && at[ends - 1] == static_cast<Index>(values.size()) && std::is_sorted(at, at + ends),
           "indptr must ascend from 0 to the number of values");
    return ends - 1;
}

template <class T>
bool is_sheet(const Sheet<T>& sheet, Index rows, Index columns) {
    return static_cast<Index>(sheet.shape(0)) == rows && static_cast<Index>(sheet.shape(1)) == columns;
}

// Where a number per value goes, from the value at some place on; nowhere where the array is empty.
inline auto per_row(const Row<double>& out, const Row<const double>& values) {
    expect(out.size() == 0 || out.size() == values.size(), "what is told of each value must be as long as the values, or empty");
    double* const first = out.size() ? out.data() : nullptr;
    return [first](Index from) { return first ? first + from : nullptr; };
}

// One row of a sheet.
template <class T>
T* row_of(const Sheet<T>& sheet, Index row) {
    return sheet.data() + row * static_cast<Index>(sheet.shape(1));
}

}  // namespace forecaster
