// forecaster._native.scan: what one pass over the values or stamps of all series tells (see scan.pyi).
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "scan.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

constexpr Index width = 8;
const Level picked = level();

Index series_in(const Row<const Index>& indptr, std::size_t rows) {
    const Index ends = static_cast<Index>(indptr.size());
    expect(ends > 0 && indptr(0) == 0 && indptr(ends - 1) == static_cast<Index>(rows) && std::is_sorted(indptr.data(), indptr.data() + ends),
           "indptr must ascend from 0 to the number of rows");
    return ends - 1;
}

// Most series end as others do: that part of them is compared with the longest of those, which is far cheaper than stamp by stamp.
Index ascends(const Row<const Index>& stamps, const Row<const Index>& indptr) {
    const Index series = series_in(indptr, stamps.size());
    const Index* at = stamps.data();
    Index longest = 0, length = 0;  // where the series to compare with ends, and how long it is
    bool alike = true;
    for (Index s = 0; s < series; ++s) {
        const Index begin = indptr(s), end = indptr(s + 1), n = end - begin;
        Index shared = std::min(n, length);
        if (shared && std::memcmp(at + end - shared, at + longest - shared, shared * sizeof(Index)) != 0) shared = length = 0, alike = false;
        const Index last = shared ? end - shared : end - 1;
        bool falls = false;
        for (Index r = begin + 1; r <= last; ++r) falls |= at[r] < at[r - 1];
        if (falls) return 0;
        if (n > length) longest = end, length = n;
    }
    return alike ? 2 : 1;
}

bool follows(const Row<const Index>& stamps, const Row<const Index>& indptr, const Row<const Index>& calendar, const Row<const Index>& first) {
    const Index series = series_in(indptr, stamps.size()), days = static_cast<Index>(calendar.size());
    expect(static_cast<Index>(first.size()) == series, "every series must have a place in the calendar");
    for (Index s = 0; s < series; ++s) {
        const Index n = indptr(s + 1) - indptr(s);
        if (first(s) < 0 || first(s) > days - n) return false;
        if (n && std::memcmp(stamps.data() + indptr(s), calendar.data() + first(s), n * sizeof(Index)) != 0) return false;
    }
    return true;
}

// Texts one after another, as Arrow holds them: text r is bytes at[r] .. at[r + 1].
template <class Offset>
struct Texts {
    Row<const Offset> at;
    Row<const std::uint8_t> bytes;

    Index size() const {
        expect(at.size() > 0, "there is one offset more than texts");
        return static_cast<Index>(at.size()) - 1;
    }
    std::string_view operator[](Index r) const {
        const Index from = at(r), to = at(r + 1);
        expect(0 <= from && from <= to && to <= static_cast<Index>(bytes.size()), "offsets must ascend within the bytes");
        return {reinterpret_cast<const char*>(bytes.data()) + from, static_cast<std::size_t>(to - from)};
    }

    // Whether texts begin .. end are each the same as the one before: of one length, and their bytes those of the text before moved on.
    bool repeat(Index begin, Index end) const {
        static const auto alike_here = by_width(picked, []<int W>() { return &alike<W, Offset>; });
        const Offset *from = at.data(), size = static_cast<Offset>((*this)[begin - 1].size());
        if (!alike_here(from + begin, end - begin, size)) return false;
        if (from[end] < from[begin] || static_cast<std::size_t>(from[end]) > bytes.size()) return false;
        return std::memcmp(bytes.data() + from[begin], bytes.data() + from[begin - 1], static_cast<std::size_t>(from[end] - from[begin])) == 0;
    }
};

// The texts that differ from the one before, and the first.
struct Stretches {
    std::vector<Index> starts, ends = {0};
    std::vector<std::uint8_t> bytes;

    std::string_view last() const {
        const Index from = ends[ends.size() - 2];
        return {reinterpret_cast<const char*>(bytes.data()) + from, static_cast<std::size_t>(ends.back() - from)};
    }
    void add(Index row, std::string_view text) {
        starts.push_back(row);
        bytes.insert(bytes.end(), text.begin(), text.end());
        ends.push_back(static_cast<Index>(bytes.size()));
    }

    // Goes on with texts whose first is row `begin` of all; whether there are `most` stretches at most.
    template <class Offset>
    bool go_on(const Texts<Offset>& texts, Index begin, Index most) {
        const Index rows = texts.size();
        Index usual = 0;
        for (Index r = 0; r < rows;) {
            const std::string_view text = texts[r];
            if (starts.empty() || text != last()) {
                // Two stretches of one length are mostly followed by a third.
                const Index found = static_cast<Index>(starts.size());
                if (found > 1) usual = begin + r - starts[found - 1] == starts[found - 1] - starts[found - 2] ? begin + r - starts[found - 1] - 1 : 0;
                if (found == most) return false;
                add(begin + r, text);
            }
            ++r;
            if (usual && r + usual <= rows && texts.repeat(r, r + usual)) r += usual;
            if (r == rows || !texts.repeat(r, r + 1)) continue;
            for (Index ahead = 32; ahead > 0;) {
                if (r + ahead <= rows && texts.repeat(r, r + ahead))
                    r += ahead;
                else
                    ahead /= 2;
            }
        }
        return true;
    }
};

// A vector as an array of NumPy.
template <class T>
nb::object given(std::vector<T>&& values) {
    values.reserve(1);
    auto* kept = new std::vector<T>(std::move(values));
    const nb::capsule owner(kept, [](void* at) noexcept { delete static_cast<std::vector<T>*>(at); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

template <class Offset>
nb::object stretches(const std::vector<std::pair<Row<const Offset>, Row<const std::uint8_t>>>& chunks, Index most) {
    Stretches found;
    bool few = true;
    {
        const nb::gil_scoped_release unlocked;
        Index begin = 0;
        for (const auto& [at, bytes] : chunks) {
            const Texts<Offset> texts{at, bytes};
            few = few && found.go_on(texts, begin, most);
            begin += texts.size();
        }
    }
    if (!few) return nb::none();
    return nb::make_tuple(given(std::move(found.starts)), given(std::move(found.ends)), given(std::move(found.bytes)));
}

template <class Offset>
bool climbs(const Row<const Offset>& at, const Row<const std::uint8_t>& bytes) {
    const Texts<Offset> texts{at, bytes};
    for (Index r = 1; r < texts.size(); ++r)
        if (texts[r - 1] >= texts[r]) return false;
    return true;
}

template <class Offset>
bool plain(const Row<const Offset>& at, const Row<const std::uint8_t>& bytes) {
    const Texts<Offset> texts{at, bytes};
    const auto blank = [](char c) { return c == ' ' || ('\t' <= c && c <= '\r'); };
    char any = 0;
    for (Index r = 0; r < texts.size(); ++r) {
        const std::string_view text = texts[r];
        if (!text.empty() && (blank(text.front()) || blank(text.back()))) return false;
        for (const char c : text) any |= c;
    }
    return (any & 0x80) == 0;
}

// Every text as often as is asked for, one after the other.
void repeat(const Row<const std::int32_t>& offsets, const Row<const std::uint8_t>& bytes, Index times, const Row<std::int32_t>& ends,
            const Row<std::uint8_t>& out) {
    const std::int32_t* from = offsets.data();
    const Index texts = static_cast<Index>(offsets.size()) - 1;
    expect(texts >= 0 && times >= 0 && static_cast<Index>(ends.size()) == texts * times + 1, "there is one offset more than texts, before and after");
    expect(from[0] >= 0 && static_cast<std::size_t>(from[texts]) <= bytes.size() && std::is_sorted(from, from + texts + 1),
           "offsets must ascend within the bytes");
    expect(static_cast<Index>(out.size()) == times * (from[texts] - from[0]), "there must be room for the bytes of all texts");
    expect(static_cast<Index>(out.size()) <= std::numeric_limits<std::int32_t>::max(), "offsets of 32 bits must reach the last byte");
    Index at = 0, row = 0;
    ends.data()[row++] = 0;
    for (Index t = 0; t < texts; ++t) {
        const Index size = from[t + 1] - from[t], whole = size * times;
        for (Index k = 1; k <= times; ++k) ends.data()[row++] = static_cast<std::int32_t>(at + k * size);
        if (whole) std::memcpy(out.data() + at, bytes.data() + from[t], size);
        for (Index there = size; there < whole; there *= 2)
            std::memcpy(out.data() + at + there, out.data() + at, std::min(there, whole - there));
        at += whole;
    }
}

template <class T>
void survey(const Row<const T>& values, const Row<const Index>& indptr, const Sheet<double>& out, const Row<T>& copy) {
    const Index series = series_in(indptr, values.size());
    expect(is_sheet(out, series, 4), "out must be (series, 4)");
    expect(copy.size() == 0 || copy.size() == values.size(), "a copy must be as long as the values");
    const auto look = by_width(picked, []<int W>() { return &surveyed<W, T>; });
    for (Index s = 0; s < series; ++s) {
        const Index n = indptr(s + 1) - indptr(s);
        const Surveyed seen = look(values.data() + indptr(s), n, copy.size() ? copy.data() + indptr(s) : nullptr);
        double* row = row_of(out, s);
        row[0] = seen.known;
        row[1] = seen.lowest;
        row[2] = seen.highest;
        row[3] = seen.least;
    }
}

bool micros(const Row<const Index>& stamps, Index per_second, const Row<Index>& out) {
    const Index n = static_cast<Index>(stamps.size());
    expect(static_cast<Index>(out.size()) == n, "there must be room for all stamps");
    const Index* from = stamps.data();
    Index* to = out.data();
    // A stamp is small enough where, moved up by half of a power of two, it is below that power: all bits above are zero.
    const auto times = [&](auto factor, std::uint64_t half) {
        std::uint64_t any = 0;
        for (Index i = 0; i < n; ++i) {
            any |= static_cast<std::uint64_t>(from[i]) + half;
            to[i] = static_cast<Index>(static_cast<std::uint64_t>(from[i]) * factor.value);
        }
        return any < 2 * half;
    };
    if (per_second == 1) return times(std::integral_constant<std::uint64_t, 1'000'000>{}, std::uint64_t{1} << 43);
    if (per_second == 1'000) return times(std::integral_constant<std::uint64_t, 1'000>{}, std::uint64_t{1} << 52);
    expect(per_second == 1'000'000'000, "stamps count seconds, milliseconds or nanoseconds");
    for (Index i = 0; i < n; ++i) to[i] = from[i] / 1'000;
    return true;
}

bool from_micros(const Row<const Index>& stamps, Index per_second, const Row<Index>& out) {
    expect(out.size() == stamps.size(), "there must be room for all stamps");
    expect(per_second == 1 || per_second == 1'000, "stamps are to count seconds or milliseconds");
    const auto divide = by_width(picked, []<int W>() { return &divided<W>; });
    return divide(stamps.data(), static_cast<Index>(stamps.size()), 1'000'000 / per_second, out.data());
}

// Sums of the sizes and squares of changes, several side by side.
struct Changed {
    double size[width] = {}, square[width] = {}, seen[width] = {};

    void take(const double* now, const double* before, Index n) {
        for (Index l = 0; l < n; ++l) {
            const double change = now[l] - before[l];
            const bool is = change == change;
            size[l] += is ? std::fabs(change) : 0.0;
            square[l] += is ? change * change : 0.0;
            seen[l] += is ? 1.0 : 0.0;
        }
    }
};

double sum(const double* lanes) {
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

void changes(const Row<const double>& values, const Row<const Index>& indptr, const Row<const Index>& lags, const Sheet<double>& sizes,
             const Sheet<double>& squares) {
    const Index series = series_in(indptr, values.size()), count = static_cast<Index>(lags.size());
    expect(is_sheet(sizes, count, series) && is_sheet(squares, count, series), "sizes and squares must be (lags, series)");
    expect(std::all_of(lags.data(), lags.data() + count, [](Index lag) { return lag > 0; }), "lags must be 1 or more");
    for (Index s = 0; s < series; ++s)
        for (Index k = 0; k < count; ++k) {
            const double* x = values.data() + indptr(s);
            const Index n = indptr(s + 1) - indptr(s), lag = lags(k);
            Changed changed;
            Index r = lag;
            for (; r + width <= n; r += width) changed.take(x + r, x + r - lag, width);
            if (r < n) changed.take(x + r, x + r - lag, n - r);
            const double seen = sum(changed.seen);
            row_of(sizes, k)[s] = seen > 0 ? sum(changed.size) / seen : std::nan("");
            row_of(squares, k)[s] = seen > 0 ? sum(changed.square) / seen : std::nan("");
        }
}

void unroll(const Sheet<const std::uint8_t>& values, const Row<const Index>& indptr, const Row<const Index>& first,
            const Sheet<std::uint8_t>& out) {
    const Index series = series_in(indptr, out.shape(0)), size = static_cast<Index>(values.shape(1)), height = static_cast<Index>(values.shape(0));
    expect(static_cast<Index>(out.shape(1)) == size && static_cast<Index>(first.size()) == series, "a place for each series, and values of one size");
    for (Index s = 0; s < series; ++s) {
        const Index n = indptr(s + 1) - indptr(s);
        if (n == 0) continue;
        expect(0 <= first(s) && first(s) <= height - n, "a series goes on past the values");
        std::memcpy(out.data() + indptr(s) * size, values.data() + first(s) * size, n * size);
    }
}

}  // namespace

NB_MODULE(scan, m) {
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("ascends", &ascends, nb::arg("stamps"), nb::arg("indptr"), unlocked);
    m.def("follows", &follows, nb::arg("stamps"), nb::arg("indptr"), nb::arg("calendar"), nb::arg("first"), unlocked);
    m.def("stretches", &stretches<std::int32_t>, nb::arg("chunks").noconvert(), nb::arg("most"));
    m.def("stretches", &stretches<Index>, nb::arg("chunks").noconvert(), nb::arg("most"));
    m.def("climbs", &climbs<std::int32_t>, nb::arg("offsets").noconvert(), nb::arg("bytes"), unlocked);
    m.def("climbs", &climbs<Index>, nb::arg("offsets").noconvert(), nb::arg("bytes"), unlocked);
    m.def("plain", &plain<std::int32_t>, nb::arg("offsets").noconvert(), nb::arg("bytes"), unlocked);
    m.def("plain", &plain<Index>, nb::arg("offsets").noconvert(), nb::arg("bytes"), unlocked);
    m.def("repeat", &repeat, nb::arg("offsets").noconvert(), nb::arg("bytes"), nb::arg("times"), nb::arg("ends").noconvert(),
          nb::arg("out").noconvert(), unlocked);
    m.def("micros", &micros, nb::arg("stamps"), nb::arg("per_second"), nb::arg("out").noconvert(), unlocked);
    m.def("from_micros", &from_micros, nb::arg("stamps"), nb::arg("per_second"), nb::arg("out").noconvert(), unlocked);
    m.def("unroll", &unroll, nb::arg("values"), nb::arg("indptr"), nb::arg("first"), nb::arg("out").noconvert(), unlocked);
    m.def("changes", &changes, nb::arg("values"), nb::arg("indptr"), nb::arg("lags"), nb::arg("sizes").noconvert(),
          nb::arg("squares").noconvert(), unlocked);
    m.def("survey", &survey<double>, nb::arg("values").noconvert(), nb::arg("indptr"), nb::arg("out").noconvert(),
          nb::arg("copy").noconvert(), unlocked);
    m.def("survey", &survey<float>, nb::arg("values").noconvert(), nb::arg("indptr"), nb::arg("out").noconvert(),
          nb::arg("copy").noconvert(), unlocked);
}
