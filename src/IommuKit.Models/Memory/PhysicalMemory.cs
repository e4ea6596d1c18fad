using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;

namespace IommuKit.Models.Memory;

/// <summary>
/// System memory as the CPU and as everything else sees it. On a coherent machine these are the same. On a machine whose devices do not snoop
/// the CPU's caches they differ: the CPU's stores reach memory when their cache line is cleaned, or at any moment before.
/// </summary>
/// <remarks>
/// <para>Each view is a range of host memory, and a physical address is an offset into it. On Linux untouched pages cost nothing; Windows commits the
/// whole length of each view.</para>
/// <para>A cache line whose bytes differ between the views is dirty in the CPU's cache. A line that does not differ counts as not cached, so
/// the CPU sees at once what a device writes there. A device's write to a dirty line is lost when the line is
/// written back, as it is on real machines.</para>
/// <para>A clean takes the line as it is at that moment; a later store to it needs another clean. It reaches memory at the next barrier, which is the
/// latest moment that the architecture allows, or before: when very many lines are under way, when the line is written back or invalidated, or when a
/// device writes to it.</para>
/// <para>Views may be used at any time and on any thread, also while and after the memory is disposed of: they then throw
/// <see cref="ObjectDisposedException"/>. A <see cref="Span{T}"/> from a view is checked when it is made, and never again. Used after
/// <see cref="Dispose"/> it reads zeros, or on systems other than Linux what was there, and what it writes is lost. It does not keep the
/// memory alive: on
/// Linux it may outlive the memory and all views until 16 TiB of other memory were made and dropped, and then not be used; elsewhere it must
/// not be used when the memory and all views may have been collected (<see cref="GC.KeepAlive"/>).</para>
/// </remarks>
public sealed class PhysicalMemory : IDmaCache, IDisposable
{
    private const int FirstCapacity = 256;
    private const int LastCapacity = 4096;

    // A span's length is an int.
    private const ulong MaxSpan = 1 << 30;
    private const ulong MaxCopy = 4096;

    private readonly Lock _gate = new();
    private readonly HostPages _cpuPages;
    private readonly HostPages _memoryPages;
    private readonly HostBlock _cpuBlock;
    private readonly HostBlock _memoryBlock;
    private readonly HostMemory _cpu;
    private readonly HostMemory _memory;

    // Lines that were cleaned and that no barrier has completed yet, oldest first: their addresses, and their bytes as
    // they were. Grown when needed, and then kept.
    private ulong[] _pendingLines = [];
    private byte[] _pendingBytes = [];
    private int _pendingCount;

    /// <summary>Makes zeroed memory.</summary>
    /// <param name="length">Bytes; physical addresses are 0 to <paramref name="length"/> - 1.</param>
    /// <param name="isCoherent">Whether devices and walkers see the CPU's stores at once.</param>
    /// <param name="lineSize">Bytes in a line of the CPU's cache, a power of two from 16 to 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not possible.</exception>
    /// <exception cref="IOException">The host has no room.</exception>
    public PhysicalMemory(ulong length, bool isCoherent, int lineSize = 64)
    {
        if (lineSize is < 16 or > 256 || (lineSize & (lineSize - 1)) != 0 || (length & ((ulong)lineSize - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(lineSize), $"0x{length:x} bytes of memory cannot have cache lines of {lineSize} bytes.");
        }

        IsCoherent = isCoherent;
        LineSize = lineSize;
        _cpuPages = HostPages.Reserve(length);
        _memoryPages = isCoherent ? _cpuPages : HostPages.Reserve(length);
        _cpuBlock = BlockOf(_cpuPages, length);
        _memoryBlock = isCoherent ? _cpuBlock : BlockOf(_memoryPages, length);
        _cpu = new HostMemory(_cpuBlock);
        _memory = new HostMemory(_memoryBlock);
    }

    /// <summary>Bytes of memory.</summary>
    public ulong Length => _cpu.Length;

    /// <summary>Whether there is only one view.</summary>
    public bool IsCoherent { get; }

    /// <inheritdoc/>
    public int LineSize { get; }

    /// <summary>What the CPU sees, through its cache. Page-table code works on this.</summary>
    public HostMemory CpuView => _cpu;

    /// <summary>What walkers and devices see.</summary>
    public DeviceMemory DeviceView => new(this);

    /// <inheritdoc/>
    public void Clean(ulong physicalAddress, ulong length)
    {
        // After Dispose there is nothing to write back, or to be written to: a driver that is late does no harm.
        if (IsCoherent || length == 0 || _cpu.IsClosed)
        {
            return;
        }

        _ = _cpu.At(physicalAddress, length);
        ulong mask = (ulong)LineSize - 1;
        ulong end = physicalAddress + length;
        lock (_gate)
        {
            for (ulong line = physicalAddress & ~mask; line < end; line += (ulong)LineSize)
            {
                if (_pendingCount == _pendingLines.Length)
                {
                    MakeRoom();
                }

                _cpu.Span(line, LineSize).CopyTo(PendingBytes(_pendingCount));
                _pendingLines[_pendingCount++] = line;
            }
        }
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        Interlocked.MemoryBarrier();
        if (!IsCoherent)
        {
            lock (_gate)
            {
                CompletePending(0, ulong.MaxValue);
            }
        }
    }

    /// <summary>Writes lines back without being asked, as a cache may at any time.</summary>
    public void WriteBack(ulong physicalAddress, ulong length)
    {
        if (!IsCoherent)
        {
            lock (_gate)
            {
                CopyLines(_cpu, _memory, physicalAddress, length);
            }
        }
    }

    /// <inheritdoc/>
    public void Invalidate(ulong physicalAddress, ulong length)
    {
        if (!IsCoherent)
        {
            lock (_gate)
            {
                CopyLines(_memory, _cpu, physicalAddress, length);
            }
        }
    }

    /// <summary>Whether some line of the range is dirty in the CPU's cache.</summary>
    public bool IsDirty(ulong physicalAddress, ulong length)
    {
        ObjectDisposedException.ThrowIf(_cpu.IsClosed, this);
        var (start, end) = Lines(physicalAddress, length);
        for (ulong at = start; !IsCoherent && at < end; at += MaxSpan)
        {
            int count = (int)Math.Min(end - at, MaxSpan);
            if (!_cpu.Span(at, count).SequenceEqual(_memory.Span(at, count)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Gives the host memory back. Whatever uses it from now on, through a view or a page table, gets an <see cref="ObjectDisposedException"/>. Its
    /// addresses go when nothing refers to it any more; on systems other than Linux, the memory does so too only then.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_cpuBlock.IsClosed)
            {
                _cpuBlock.Close();
                _memoryBlock.Close();
                _pendingCount = 0;
                _cpuPages.Discard();
                if (!IsCoherent)
                {
                    _memoryPages.Discard();
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (_memory.TryGetSpan(physicalAddress, destination.Length, out var source))
        {
            source.CopyTo(destination);
            return true;
        }

        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        return false;
    }

    internal bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        if (!_memory.Contains(physicalAddress, (ulong)source.Length))
        {
            ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
            return false;
        }

        if (IsCoherent)
        {
            source.CopyTo(_memory.Span(physicalAddress, source.Length));
            return true;
        }

        lock (_gate)
        {
            CompletePending(physicalAddress & ~((ulong)LineSize - 1), (ulong)source.Length + (ulong)LineSize);
            while (!source.IsEmpty)
            {
                ulong line = physicalAddress & ~((ulong)LineSize - 1);
                int offset = (int)(physicalAddress - line);
                int count = Math.Min(source.Length, LineSize - offset);
                var memory = _memory.Span(line, LineSize);
                var cpu = _cpu.Span(line, LineSize);
                bool isDirty = !memory.SequenceEqual(cpu);
                source[..count].CopyTo(memory[offset..]);
                if (!isDirty)
                {
                    memory.CopyTo(cpu);
                }

                source = source[count..];
                physicalAddress += (ulong)count;
            }
        }

        return true;
    }

    /// <summary>What a device may touch directly: all but what it writes beside a cache that does not snoop, whose dirty lines win.</summary>
    internal bool TryGetDeviceSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        span = default;
        if ((!isWrite || IsCoherent) && _memory.TryGetSpan(physicalAddress, length, out span))
        {
            return true;
        }

        ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
        return false;
    }

    internal bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen)
    {
        seen = 0;
        if ((physicalAddress & (sizeof(ulong) - 1)) != 0 || !_memory.Contains(physicalAddress, sizeof(ulong)))
        {
            ObjectDisposedException.ThrowIf(_memory.IsClosed, this);
            return false;
        }

        if (IsCoherent)
        {
            ref byte bytes = ref _memory.At(physicalAddress, sizeof(ulong));
            seen = Interlocked.CompareExchange(ref Unsafe.As<byte, ulong>(ref bytes), value, expected);
            return true;
        }

        // What the CPU has in its cache is another matter: that store wins when its line is written back.
        lock (_gate)
        {
            CompletePending(physicalAddress & ~((ulong)LineSize - 1), (ulong)LineSize);
            seen = BinaryPrimitives.ReadUInt64LittleEndian(_memory.Span(physicalAddress, sizeof(ulong)));
            if (seen == expected)
            {
                Span<byte> bytes = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
                TryWrite(physicalAddress, bytes);
            }
        }

        return true;
    }

    private static unsafe HostBlock BlockOf(HostPages pages, ulong length) => new(pages.Address, length, pages);

    private Span<byte> PendingBytes(int index) => _pendingBytes.AsSpan(index * LineSize, LineSize);

    /// <summary>Makes the list of lines under way longer, or empty when it is long enough.</summary>
    private void MakeRoom()
    {
        if (_pendingLines.Length == LastCapacity)
        {
            CompletePending(0, ulong.MaxValue);
            return;
        }

        int capacity = Math.Max(FirstCapacity, _pendingLines.Length * 2);
        Array.Resize(ref _pendingLines, capacity);
        Array.Resize(ref _pendingBytes, capacity * LineSize);
    }

    /// <summary>Lets cleans of lines that start in a range reach memory, in order.</summary>
    private void CompletePending(ulong start, ulong length)
    {
        int kept = 0;
        for (int i = 0; i < _pendingCount; i++)
        {
            ulong line = _pendingLines[i];
            if (line - start < length)
            {
                PendingBytes(i).CopyTo(_memory.Span(line, LineSize));
            }
            else
            {
                if (kept != i)
                {
                    PendingBytes(i).CopyTo(PendingBytes(kept));
                    _pendingLines[kept] = line;
                }

                kept++;
            }
        }

        _pendingCount = kept;
    }

    /// <summary>Makes one view agree with the other in a range.</summary>
    private void CopyLines(HostMemory from, HostMemory to, ulong physicalAddress, ulong length)
    {
        var (start, end) = Lines(physicalAddress, length);
        CompletePending(start, end - start);
        for (ulong at = start; at < end; at += MaxCopy)
        {
            int count = (int)Math.Min(end - at, MaxCopy);
            var source = from.Span(at, count);
            var destination = to.Span(at, count);

            // Host memory that nobody wrote to stays free of cost.
            if (!source.SequenceEqual(destination))
            {
                source.CopyTo(destination);
            }
        }
    }

    /// <summary>The whole lines that a range touches.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie in the memory.</exception>
    private (ulong Start, ulong End) Lines(ulong physicalAddress, ulong length)
    {
        if (length == 0)
        {
            return (0, 0);
        }

        // What lies in memory ends at a line's end at most, so that nothing below can wrap.
        _ = _cpu.At(physicalAddress, length);
        ulong mask = (ulong)LineSize - 1;
        return (physicalAddress & ~mask, (physicalAddress + length + mask) & ~mask);
    }
}
