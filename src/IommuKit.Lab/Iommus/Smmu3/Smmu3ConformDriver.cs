using System.Globalization;
using System.Runtime.InteropServices;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Our driver as that of a recorded kernel, on a model of the recorded SMMU, whose command queue is read as it is handed over.</summary>
internal sealed class Smmu3ConformDriver : IConformDriver
{
    private const ulong Pool = 1ul << 20;
    private const ulong PoolBytes = 256ul << 20;
    private const int Devices = 256;

    private readonly PhysicalMemory _memory;
    private readonly Listener _listener;
    private readonly Smmu3Driver _driver;
    private readonly Dictionary<string, ushort> _tags = new(StringComparer.Ordinal);
    private int _attached;

    /// <summary>Sets it up.</summary>
    /// <param name="unit">What the recorded SMMU says of itself.</param>
    /// <param name="kernel">The release of the kernel, which decides what its driver does, and its page size.</param>
    public Smmu3ConformDriver(Smmu3Unit unit, string kernel)
    {
        _memory = new PhysicalMemory(Pool + PoolBytes, unit.IsCoherent);
        try
        {
            _listener = new Listener(new Smmu3Model<DeviceMemory>(unit, _memory.DeviceView), _memory);
            var preset = kernel.StartsWith("6.", StringComparison.Ordinal) ? Smmu3DriverOptions.Linux612 : Smmu3DriverOptions.Linux72;
            _driver = new Smmu3Driver(
                _listener,
                _memory,
                new PageAllocator(_memory.CpuView, Pool, PoolBytes),
                [.. Enumerable.Range(0, Devices).Select(number => new Smmu3Client(number.ToString(CultureInfo.InvariantCulture), (uint)number))],
                preset with { GranuleLog2 = GranuleOf(kernel) });
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
    public string? AddressSpaceOf(string command)
    {
        string[] words = command.Split(' ');
        return words[0] switch
        {
            "TLBI_NH_VA" or "TLBI_NH_VAA" or "TLBI_NH_ASID" => Array.Find(words, word => word.StartsWith("asid=", StringComparison.Ordinal)),
            "TLBI_S2_IPA" or "TLBI_S12_VMALL" => Array.Find(words, word => word.StartsWith("vmid=", StringComparison.Ordinal)),
            _ => null,
        };
    }

    /// <inheritdoc/>
    // A prefetch follows an attach.
    public bool IsCompared(string command) => command.StartsWith("TLBI", StringComparison.Ordinal) || command.StartsWith("SYNC", StringComparison.Ordinal);

    /// <inheritdoc/>
    public bool DropsAll(string command) =>
        command.StartsWith("TLBI_NH_ASID", StringComparison.Ordinal) || command.StartsWith("TLBI_S12_VMALL", StringComparison.Ordinal);

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
        domain.Attach(_driver.Devices[_attached++]);
        return domain;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> TakeCommands(string addressSpace)
    {
        string[] taken = [.. _listener.Commands.Select(command => Text(command, addressSpace))];
        _listener.Commands.Clear();
        return taken;
    }

    /// <inheritdoc/>
    public string? KnownDifference(BootGroup group, IReadOnlyList<string> recorded, IReadOnlyList<string> seen) =>
        group.First.IsWhereDevicesMove && recorded.Any(DropsAll) && !seen.Any(DropsAll)
            ? "the recorded group is of an attach, which the recording has under the next unmap"
            : null;

    /// <summary>Arm's kernels say in their release if their pages are not of 4 KiB, and the SMMU's granule is that of the kernel.</summary>
    private static int GranuleOf(string kernel) =>
        kernel.EndsWith("-16k", StringComparison.Ordinal) ? 14 : kernel.EndsWith("-64k", StringComparison.Ordinal) ? 16 : 12;

    private string Text(in Smmu3Command command, string addressSpace)
    {
        bool isStage2 = command.Code is Smmu3CommandCode.DropIpa or Smmu3CommandCode.DropVmid;
        string tag = TagText(isStage2 ? command.Vmid : command.Asid, addressSpace);
        string tags = isStage2 ? $"asid=0 vmid={tag}" : $"asid={tag} vmid=0";
        return command.Code switch
        {
            Smmu3CommandCode.DropVa => $"TLBI_NH_VA {tags} {RangeText(command)}",
            Smmu3CommandCode.DropIpa => $"TLBI_S2_IPA {tags} {RangeText(command)}",
            Smmu3CommandCode.DropAsid => $"TLBI_NH_ASID {tags}",
            Smmu3CommandCode.DropVmid => $"TLBI_S12_VMALL vmid={tag}",
            Smmu3CommandCode.Sync => string.Create(
                CultureInfo.InvariantCulture,
                $"SYNC cs={command.Signal} msh={(command.Lower >> 22) & 3} msiattr={(command.Lower >> 24) & 15} msidata={command.MessageData:x} msiaddr={command.MessageAddress:x}"),
            _ => command.Code.ToString(),
        };
    }

    private static string RangeText(in Smmu3Command command) => string.Create(
        CultureInfo.InvariantCulture,
        $"num={command.Number} scale={command.Scale} leaf={(command.IsLeaf ? 1 : 0)} ttl={command.Level} tg={command.Granule} addr={command.Address:x}");

    /// <summary>The recorded address space's number, if the tag is the one that ours always has; otherwise what tells that it is not.</summary>
    private string TagText(ushort tag, string addressSpace)
    {
        if (!_tags.TryGetValue(addressSpace, out ushort own) && tag != 0 && !_tags.ContainsValue(tag))
        {
            _tags[addressSpace] = own = tag;
        }

        return own == tag ? addressSpace[(addressSpace.IndexOf('=', StringComparison.Ordinal) + 1)..] : $"?{tag:x}";
    }

    /// <summary>Registers that write down the commands which the doorbell hands over.</summary>
    private sealed class Listener(Smmu3Model<DeviceMemory> model, PhysicalMemory memory) : IMmio
    {
        private QueueFollower? _queue;

        public List<Smmu3Command> Commands { get; } = [];

        public uint Read32(uint offset) => model.Read32(offset);

        public ulong Read64(uint offset) => model.Read64(offset);

        public void Write64(uint offset, ulong value) => model.Write64(offset, value);

        public void Write32(uint offset, uint value)
        {
            if (offset == Smmu3Register.CommandProducer)
            {
                var queue = _queue ?? Smmu3QueueReader.Follow(model.Read64(Smmu3Register.CommandQueue), 0);
                while (queue.TryNext(value, out ulong address))
                {
                    var words = MemoryMarshal.Cast<byte, ulong>(memory.CpuView.Span(address, Smmu3Command.Bytes));
                    Commands.Add(new Smmu3Command(words[0], words[1]));
                }

                _queue = queue;
            }

            model.Write32(offset, value);
        }
    }
}
