// W doubles that are worked on at once: one lane per parameter vector, so a recursion that is sequential in time runs W times.
// A vector type must fit the registers it is compiled for (8 lanes with AVX-512, 4 with AVX2, 2 anywhere): a wider one is
// split badly, so every kernel is a template over W and is compiled once per level (see `kernel` in CMakeLists.txt).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define FORECASTER_INLINE [[gnu::always_inline]] inline

namespace forecaster {

// Spelled out, because GCC 12 takes no vector size that depends on a template parameter.
template <int W>
struct VectorOf;
template <>
struct VectorOf<2> {
    typedef double Vector __attribute__((vector_size(16)));
    typedef std::int64_t Mask __attribute__((vector_size(16)));
    typedef std::uint64_t Bits __attribute__((vector_size(16)));
};
template <>
struct VectorOf<4> {
    typedef double Vector __attribute__((vector_size(32)));
    typedef std::int64_t Mask __attribute__((vector_size(32)));
    typedef std::uint64_t Bits __attribute__((vector_size(32)));
};
template <>
struct VectorOf<8> {
    typedef double Vector __attribute__((vector_size(64)));
    typedef std::int64_t Mask __attribute__((vector_size(64)));
    typedef std::uint64_t Bits __attribute__((vector_size(64)));
};

template <int W>
struct Lanes {
    using Vector = typename VectorOf<W>::Vector;
    using Mask = typename VectorOf<W>::Mask;
    using Bits = typename VectorOf<W>::Bits;  // of a number; sums of them wrap around

    Vector v;

    Lanes() = default;
    FORECASTER_INLINE Lanes(double x) : v(x - Vector{}) {}  // x - 0 is x whatever its sign, so this is a broadcast and no subtraction
    FORECASTER_INLINE Lanes(Vector x) : v(x) {}

    FORECASTER_INLINE static Lanes load(const double* at) {
        Lanes out;
        std::memcpy(&out.v, at, sizeof(Vector));
        return out;
    }
    FORECASTER_INLINE void store(double* at) const { std::memcpy(at, &v, sizeof(Vector)); }

    // Lane j of row i is value i of those at x(j).
    template <class Place>
    FORECASTER_INLINE static void transpose(Place x, Lanes* rows) {
        if constexpr (W == 2) {
            for (int i = 0; i < W; ++i) rows[i].v = Vector{x(0)[i], x(1)[i]};
        } else {
            constexpr int half = W / 2;
            for (int i = 0; i < W; ++i) rows[i] = beside(x(i % half) + i / half * half, x(i % half + half) + i / half * half);
            cross<1>(rows);
            if constexpr (W > 4) cross<2>(rows);
        }
    }

    // Stores the lanes where the mask holds one after another; how many. There must be room for all lanes.
    FORECASTER_INLINE std::int64_t pack(Mask mask, double* at) const {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
        if constexpr (W == 8) {
            const __mmask8 held = _mm512_movepi64_mask(__m512i(mask));
            _mm512_storeu_pd(at, _mm512_maskz_compress_pd(held, __m512d(v)));
            return __builtin_popcount(held);
        }
#endif
        std::int64_t packed = 0;
        for (int lane = 0; lane < W; ++lane) {
            at[packed] = v[lane];
            packed -= mask[lane];
        }
        return packed;
    }

    FORECASTER_INLINE double operator[](int lane) const { return v[lane]; }
    FORECASTER_INLINE void set(int lane, double x) { v[lane] = x; }

    FORECASTER_INLINE friend Lanes operator+(Lanes a, Lanes b) { return a.v + b.v; }
    FORECASTER_INLINE friend Lanes operator-(Lanes a, Lanes b) { return a.v - b.v; }
    FORECASTER_INLINE friend Lanes operator*(Lanes a, Lanes b) { return a.v * b.v; }
    FORECASTER_INLINE friend Lanes operator/(Lanes a, Lanes b) { return a.v / b.v; }
    FORECASTER_INLINE friend Lanes operator-(Lanes a) { return -a.v; }
    FORECASTER_INLINE Lanes& operator+=(Lanes b) { return v += b.v, *this; }
    FORECASTER_INLINE Lanes& operator-=(Lanes b) { return v -= b.v, *this; }
    FORECASTER_INLINE Lanes& operator*=(Lanes b) { return v *= b.v, *this; }
    FORECASTER_INLINE Lanes& operator/=(Lanes b) { return v /= b.v, *this; }

    FORECASTER_INLINE friend Mask operator<(Lanes a, Lanes b) { return a.v < b.v; }
    FORECASTER_INLINE friend Mask operator<=(Lanes a, Lanes b) { return a.v <= b.v; }
    FORECASTER_INLINE friend Mask operator>(Lanes a, Lanes b) { return a.v > b.v; }
    FORECASTER_INLINE friend Mask operator>=(Lanes a, Lanes b) { return a.v >= b.v; }
    FORECASTER_INLINE friend Mask operator==(Lanes a, Lanes b) { return a.v == b.v; }

    // `yes` where the mask holds, else `no`; masks combine with & | ~.
    FORECASTER_INLINE friend Lanes select(Mask mask, Lanes yes, Lanes no) { return mask ? yes.v : no.v; }
    // The second where a comparison with NaN fails, as the hardware does.
    FORECASTER_INLINE friend Lanes max(Lanes a, Lanes b) { return a.v > b.v ? a.v : b.v; }
    FORECASTER_INLINE friend Lanes min(Lanes a, Lanes b) { return a.v < b.v ? a.v : b.v; }
    FORECASTER_INLINE friend Lanes abs(Lanes a) { return max(a, -a); }

    FORECASTER_INLINE friend Lanes sqrt(Lanes a) {
#if defined(__AVX512F__)
        // Masked, because GCC 12 warns about the plain one (bug 105593).
        if constexpr (W == 8) return Vector(_mm512_maskz_sqrt_pd(0xff, __m512d(a.v)));
#endif
#if defined(__AVX2__)
        if constexpr (W == 4) return Vector(_mm256_sqrt_pd(__m256d(a.v)));
#endif
#if defined(__SSE2__)
        if constexpr (W == 2) return Vector(_mm_sqrt_pd(__m128d(a.v)));
#endif
        return each(a, [](double x) { return std::sqrt(x); });
    }
    // To two units in the last place. log x = k log 2 + log m with m in [1/sqrt 2, sqrt 2), and log m = 2 artanh((m - 1) / (m + 1))
    // by its power series.
    friend Lanes log(Lanes x) {
        constexpr std::int64_t exponent_of_one = 0x3ff0000000000000, root_half = 0x3fe6a09e667f3bcd, mantissa = 0xfffffffffffff;
        const Mask tiny = x < Lanes(std::numeric_limits<double>::min());  // subnormal numbers have fewer digits before they are scaled up
        const Lanes scaled = select(tiny, x * Lanes(0x1p54), x);
        const Mask bits = (Mask)((Bits)scaled.v + std::uint64_t(exponent_of_one - root_half));
        const Lanes k = whole((bits >> 52) - 1023) - select(tiny, Lanes(54.0), Lanes(0.0));
        const Lanes m = Vector((Mask)((bits & mantissa) + root_half));
        const Lanes s = (m - 1.0) / (m + 1.0), z = s * s;
        Lanes series = 1.0 / 23;
        for (int odd = 21; odd > 1; odd -= 2) series = series * z + 1.0 / odd;
        const Lanes found = k * log_two_high + (2.0 * s + (2.0 * s * z * series + k * log_two_low));
        constexpr double infinity = std::numeric_limits<double>::infinity();
        const Lanes edge = select(x == Lanes(0.0), Lanes(-infinity), Lanes(std::numeric_limits<double>::quiet_NaN()));
        return select((x > Lanes(0.0)) & (x < Lanes(infinity)), found, select(x > Lanes(0.0), x, edge));
    }
    // To one unit in the last place. exp x = 2^k exp r with |r| <= log 2 / 2, exp r by its power series.
    friend Lanes exp(Lanes x) {
        const Lanes bounded = min(max(x, -746.0), 710.0);  // beyond, the result is 0 or infinite
        const Lanes k = bounded * 1.4426950408889634 + round_up - round_up;
        const Lanes r = (bounded - k * log_two_high) - k * log_two_low;
        Lanes series = 1.0;
        for (int i = 13; i > 0; --i) series = series * r * (1.0 / i) + 1.0;
        const Lanes half = k * 0.5 + round_up - round_up;
        return select(x == x, series * power_of_two(half) * power_of_two(k - half), x);
    }

    // The largest lane; NaN lanes are passed over.
    FORECASTER_INLINE friend double largest(Lanes a) {
        double most = -std::numeric_limits<double>::infinity();
        for (int l = 0; l < W; ++l) most = a.v[l] > most ? a.v[l] : most;
        return most;
    }

    // One lane at a time, for what has no vector instruction.
    template <class Function>
    FORECASTER_INLINE friend Lanes each(Lanes a, Function function) {
        for (int l = 0; l < W; ++l) a.v[l] = function(a.v[l]);
        return a;
    }

  private:
    // Half of the lanes from the one place, half from the other: loads, where a change of places takes instructions of its own.
    FORECASTER_INLINE static Lanes beside(const double* low, const double* high) {
        using Half = Lanes<W / 2>;
#if defined(__AVX512F__) && defined(__AVX512DQ__)
        // Spelled out, because GCC 12 loads both halves first; masked as in sqrt.
        if constexpr (W == 8) return Vector(_mm512_maskz_insertf64x4(0xff, _mm512_castpd256_pd512(_mm256_loadu_pd(low)), _mm256_loadu_pd(high), 1));
#endif
        const auto both = [&]<std::size_t... l>(std::index_sequence<l...>) __attribute__((always_inline)) {
            return __builtin_shufflevector(Half::load(low).v, Half::load(high).v, l...);
        };
        return both(std::make_index_sequence<W>());
    }

    // Of every two rows `step` apart the lanes that lie beside each other: the second of the one and the first of the other change places.
    template <int step>
    FORECASTER_INLINE static void cross(Lanes* rows) {
        const auto both = [&]<std::size_t... l>(int i, std::index_sequence<l...>) __attribute__((always_inline)) {
            const Vector one = rows[i].v, other = rows[i + step].v;
            rows[i].v = __builtin_shufflevector(one, other, (l & step ? l - step + W : l)...);
            rows[i + step].v = __builtin_shufflevector(one, other, (l & step ? l + W : l + step)...);
        };
#pragma GCC unroll 8
        for (int i = 0; i < W; ++i)
            if (!(i & step)) both(i, std::make_index_sequence<W>());
    }

    // The first has enough zeros at its end that a multiple by an exponent is exact.
    static constexpr double log_two_high = 0x1.62e42fefa0000p-1, log_two_low = 0x1.cf79abc9e3b3ap-40;
    static constexpr double round_up = 0x1.8p52;  // a number below 2^51 that it is added to loses its fraction and shows itself in the last bits

    FORECASTER_INLINE static Lanes whole(Mask k) { return Vector((Mask)(k + (Mask)(Vector{} + round_up))) - (Vector{} + round_up); }
    FORECASTER_INLINE static Lanes power_of_two(Lanes k) { return Vector(((Bits)(k + round_up).v + std::uint64_t(1023)) << 52); }
};

}  // namespace forecaster
