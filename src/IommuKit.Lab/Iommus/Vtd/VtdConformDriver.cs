using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Our driver as that of a recorded kernel, on a model of the recorded unit, whose invalidation queue is read as it is handed over.</summary>
internal sealed class VtdConformDriver : IConformDriver
{
    private const ulong Pool = 1ul << 20;
    private const ulong PoolBytes = 256ul << 20;
    private const int Devices = 256;

    // A bus that no recorded machine has.
    private const int FirstPlain = 0xff00;
    private const string DomainField = "did=";
    private const int PageShift = 12;

    private readonly PhysicalMemory _memory;
    private readonly Listener _listener;
    private readonly VtdDriver _driver;
    private readonly ILookup<string, ushort> _withTlbs;
    private readonly Dictionary<string, ushort> _ids = new(StringComparer.Ordinal);
    private int _attached;

    /// <summary>Sets it up.</summary>
    /// <param name="unit">What the recorded unit says of itself.</param>
    /// <param name="mode">By which tables the recorded kernel used it.</param>
    /// <param name="kernel">The release of the kernel, which decides how its driver invalidates; empty if it is not known.</param>
    /// <param name="withTlbs">The devices that keep translations of their own, and the recorded domains that they are in.</param>
    public VtdConformDriver(VtdUnit unit, VtdMode mode, string kernel, IReadOnlyList<(ushort Source, ushort DomainId)> withTlbs)
    {
        InvalidatesMaps = unit.Capability.CachingMode && mode != VtdMode.FirstStage;
        _withTlbs = withTlbs.ToLookup(
            one => string.Create(CultureInfo.InvariantCulture, $"{DomainField}{one.DomainId:x}"), one => one.Source, StringComparer.Ordinal);

        // Every unit snoops its queue, and nothing here depends on whether it snoops its tables.
        _memory = new PhysicalMemory(Pool + PoolBytes, isCoherent: true);
        try
        {
            _listener = new Listener(new VtdModel<DeviceMemory>(unit, _memory.DeviceView), _memory);

            _driver = new VtdDriver(
                unit,
                _listener,
                _memory,
                new PageAllocator(_memory.CpuView, Pool, PoolBytes),
                [
                    .. Enumerable.Range(0, Devices).Select(number => new VtdFunction((ushort)(FirstPlain + number))),
                    .. withTlbs.Select(one => new VtdFunction(one.Source, HasDeviceTlb: true)),
                ],
                (VtdDriverOptions.OfLinux(kernel) ?? VtdDriverOptions.Linux619) with { Mode = mode });
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _driver.Dispose();
        _memory.Dispose();
    }

    /// <inheritdoc/>
    public bool InvalidatesMaps { get; }

    /// <inheritdoc/>
    // The smallest aligned power of two of pages that has all of them in it. Maps never give the hint.
    public bool IsFor(string command, ulong first, ulong last, bool isMap)
    {
        if (!command.Contains(" gran=3 ", StringComparison.Ordinal) || (isMap && command.Contains(" ih=1 ", StringComparison.Ordinal)))
        {
            return false;
        }

        int log2 = BitOperations.Log2(((first ^ last) >> PageShift << 1) | 1);
        return NumberIn(command, "am=", NumberStyles.None) == (ulong)log2
            && NumberIn(command, "addr=", NumberStyles.HexNumber) == first >> (PageShift + log2) << (PageShift + log2);
    }

    /// <inheritdoc/>
    public string? AddressSpaceOf(string command) =>
        IsOfTranslations(command)
            ? Array.Find(command.Split(' '), word => word.StartsWith(DomainField, StringComparison.Ordinal))
            : null;

    /// <inheritdoc/>
    // Contexts and interrupt entries are of devices that come and go.
    public bool IsCompared(string command) =>
        IsOfTranslations(command) || command.StartsWith("devtlb ", StringComparison.Ordinal)
            || command.StartsWith("wait ", StringComparison.Ordinal);

    /// <inheritdoc/>
    // Where a wait stores, and what, is each driver's own.
    public string Comparable(string command) =>
        command.StartsWith("wait ", StringComparison.Ordinal) ? string.Join(' ', command.Split(' ').Take(4)) : command;

    /// <inheritdoc/>
    public bool DropsAll(string command) => IsOfTranslations(command) && command.Contains(" gran=2 ", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IommuDomain CreateDomain(string addressSpace, bool isDeferred)
    {
        if (_attached == Devices)
        {
            throw new InputException($"There are more than {Devices} address spaces in the recorded commands.");
        }

        var domain = _driver.CreateDomain(new DomainOptions
        {
            Policy = isDeferred ? SyncPolicy.Deferred : SyncPolicy.Gather,
            DeferredAge = Timeout.InfiniteTimeSpan,
        });
        var own = _driver.Devices.Where(device => _withTlbs[addressSpace].Contains(((VtdDevice)device).SourceId) && device.Domain is null).ToList();
        foreach (var device in own.Count != 0 ? own : [_driver.Devices[_attached++]])
        {
            domain.Attach(device);
        }

        return domain;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> TakeCommands(string addressSpace)
    {
        string[] taken = [.. _listener.Descriptors.Select(descriptor => Text(descriptor, addressSpace))];
        _listener.Descriptors.Clear();
        return taken;
    }

    /// <inheritdoc/>
    public string? KnownDifference(BootGroup group, IReadOnlyList<string> recorded, IReadOnlyList<string> seen)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(recorded);
        ArgumentNullException.ThrowIfNull(seen);
        return group.First.IsWhereDevicesMove && recorded.Any(DropsAll) && !seen.Any(DropsAll)
                ? "the recorded group is of a detach, which the recording has under the next unmap"
            : recorded.Any(IsBeyondMask) && seen.Any(DropsAll)
                ? "the recorded kernel asked for more pages than CAP.MAMV allows, which the unit refuses; our driver drops all of the domain"
            : null;
    }

    private static bool IsOfTranslations(string command) =>
        command.StartsWith("iotlb ", StringComparison.Ordinal) || command.StartsWith("piotlb ", StringComparison.Ordinal);

    private bool IsBeyondMask(string command) =>
        IsOfTranslations(command)
        && NumberIn(command, "am=", NumberStyles.None) is { } log2
        && log2 > (ulong)_driver.Unit.Capability.MaxAddressMask;

    private static ulong? NumberIn(string command, string field, NumberStyles style) =>
        Array.Find(command.Split(' '), word => word.StartsWith(field, StringComparison.Ordinal)) is { } word
        && ulong.TryParse(word.AsSpan(field.Length), style, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : null;

    private string Text(in VtdInvalidationDescriptor descriptor, string addressSpace) => descriptor.Type switch
    {
        VtdInvalidationType.Iotlb => string.Create(
            CultureInfo.InvariantCulture,
            $"iotlb gran={(int)descriptor.Granularity} {DomainField}{IdText(descriptor, addressSpace)} dw={Digit(descriptor.DrainsWrites)} "
                + $"dr={Digit(descriptor.DrainsReads)} am={descriptor.AddressMask} ih={Digit(descriptor.InvalidationHint)} addr={descriptor.Address:x}"),
        VtdInvalidationType.PasidIotlb => string.Create(
            CultureInfo.InvariantCulture,
            $"piotlb gran={(int)descriptor.Granularity} {DomainField}{IdText(descriptor, addressSpace)} pasid={descriptor.Pasid:x} "
                + $"am={descriptor.AddressMask} ih={Digit(descriptor.InvalidationHint)} addr={descriptor.Address:x}"),
        VtdInvalidationType.DeviceTlb => string.Create(
            CultureInfo.InvariantCulture,
            $"devtlb sid={descriptor.SourceId:x} size={descriptor.Qw1 & 1} addr={descriptor.Qw1 & ~0xffful:x}"),
        VtdInvalidationType.Wait =>
            $"wait if={Digit(descriptor.RaisesInterrupt)} sw={Digit(descriptor.WritesStatus)} fn={Digit(descriptor.IsFence)}",
        _ => descriptor.Type.ToString(),
    };

    private static char Digit(bool bit) => bit ? '1' : '0';

    /// <summary>The recorded domain's id, if the id is the one that ours always has; otherwise what tells that it is not.</summary>
    private string IdText(in VtdInvalidationDescriptor descriptor, string addressSpace)
    {
        ushort id = descriptor.DomainId;
        bool isOfDomain = descriptor.Granularity is VtdGranularity.Domain or VtdGranularity.Selective;
        if (!_ids.TryGetValue(addressSpace, out ushort own) && isOfDomain && !_ids.ContainsValue(id))
        {
            _ids[addressSpace] = own = id;
        }

        return own == id ? addressSpace[DomainField.Length..] : $"?{id:x}";
    }

    /// <summary>Registers that write down the descriptors which the tail hands over.</summary>
    private sealed class Listener(VtdModel<DeviceMemory> model, PhysicalMemory memory) : IMmio
    {
        private ulong _register;
        private QueueFollower _queue;

        public List<VtdInvalidationDescriptor> Descriptors { get; } = [];

        public uint Read32(uint offset) => model.Read32(offset);

        public ulong Read64(uint offset) => model.Read64(offset);

        public void Write64(uint offset, ulong value)
        {
            if (offset == VtdRegister.QueueTail)
            {
                Read(value);
            }

            model.Write64(offset, value);
        }

        public void Write32(uint offset, uint value)
        {
            if (offset == VtdRegister.QueueTail)
            {
                Read(value);
            }

            model.Write32(offset, value);
        }

        private void Read(ulong tail)
        {
            // The tail is set to 0 before there is a queue.
            ulong register = model.Read64(VtdRegister.QueueAddress);
            if (register != _register)
            {
                _register = register;
                _queue = VtdQueueReader.Follow(register, 0);
            }

            while (_queue.TryNext(VtdQueueReader.EndOf(register, tail), out ulong address))
            {
                // Descriptors of 256 bits have nothing in their upper half.
                var words = MemoryMarshal.Cast<byte, ulong>(memory.CpuView.Span(address, VtdInvalidationDescriptor.Bytes));
                Descriptors.Add(new VtdInvalidationDescriptor(words[0], words[1], 0, 0));
            }
        }
    }
}
