using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using IommuKit.Specs.Memory;

namespace IommuKit.Cli.HostTime;

/// <summary>
/// The machine's limit: entries stored by vectors of 32 bytes into memory of the size of one table, and nothing else. What runs is whole vectors;
/// an operation is one entry.
/// </summary>
/// <param name="memory">The CPU's view of memory.</param>
/// <param name="address">Where to store.</param>
/// <param name="bytes">Bytes in a table.</param>
/// <param name="entryLog2">Log2 of the bytes in an entry.</param>
internal sealed class FillLoop(HostMemory memory, ulong address, int bytes, int entryLog2) : LoopWork
{
    /// <summary>Entries in the table: a multiple of it is what can be run.</summary>
    public int Entries => bytes >> entryLog2;

    /// <summary>Stores entries.</summary>
    /// <param name="count">How many, a multiple of <see cref="Entries"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(int count)
    {
        ref ulong first = ref Unsafe.As<byte, ulong>(ref memory.At(address, (ulong)bytes));
        nuint words = (nuint)bytes / sizeof(ulong);
        var step = Vector256.Create(4ul << 12);
        for (int table = 0; table < count / Entries; table++)
        {
            var value = Vector256.Create((ulong)table);
            for (nuint word = 0; word < words; word += (nuint)Vector256<ulong>.Count)
            {
                value.StoreUnsafe(ref first, word);
                value += step;
            }
        }
    }
}
