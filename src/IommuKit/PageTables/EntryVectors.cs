using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IommuKit.PageTables;

/// <summary>Runs of 32-bit or 64-bit entries, by vectors of 32 bytes where the machine has them.</summary>
internal static class EntryVectors
{
    public static void Fill<T>(ref T entries, int count, T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        int done = 0;
        if (Vector256.IsHardwareAccelerated && count >= Vector256<T>.Count)
        {
            var value = Lanes(first, step);
            var stride = Vector256.Create(step * T.CreateTruncating(Vector256<T>.Count));
            int last = count - Vector256<T>.Count;
            for (; done <= last; done += Vector256<T>.Count)
            {
                value.StoreUnsafe(ref entries, (nuint)done);
                value += stride;
            }
        }

        T rest = first + (step * T.CreateTruncating(done));
        for (; done < count; done++)
        {
            Unsafe.Add(ref entries, done) = rest;
            rest += step;
        }
    }

    public static int VacantRun<T>(ref T entries, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        int done = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            int last = count - Vector256<T>.Count;
            while (done <= last && Vector256.LoadUnsafe(ref entries, (nuint)done) == Vector256<T>.Zero)
            {
                done += Vector256<T>.Count;
            }
        }

        while (done < count && Unsafe.Add(ref entries, done) == T.Zero)
        {
            done++;
        }

        return done;
    }

    public static int OccupiedRun<T>(ref T entries, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        int done = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            int last = count - Vector256<T>.Count;
            while (done <= last && !Vector256.EqualsAny(Vector256.LoadUnsafe(ref entries, (nuint)done), Vector256<T>.Zero))
            {
                done += Vector256<T>.Count;
            }
        }

        while (done < count && Unsafe.Add(ref entries, done) != T.Zero)
        {
            done++;
        }

        return done;
    }

    /// <summary>first, first + step, first + 2·step … in one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Lanes<T>(T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (typeof(T) == typeof(uint))
        {
            uint start = uint.CreateTruncating(first);
            uint by = uint.CreateTruncating(step);
            return (Vector256.Create(start) + (Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7) * Vector256.Create(by))).As<uint, T>();
        }
        else
        {
            ulong start = ulong.CreateTruncating(first);
            ulong by = ulong.CreateTruncating(step);
            return Vector256.Create(start, start + by, start + (2 * by), start + (3 * by)).As<ulong, T>();
        }
    }
}
