using System.Buffers.Binary;
using IommuKit.Checker.Iommus.Vtd;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Tests;

/// <summary>What the checker takes descriptors for where two PASIDs of one device are looked at: each names its own.</summary>
public sealed class VtdPasidDecoderTests : IDisposable
{
    private const ushort Source = 0x0010;

    private readonly VtdMachine _machine = VtdMachine.Create(
        VtdUnit.Server57,
        new MachineSettings { TablePoolStart = 1 << 20, TablePool = 1 << 20 },
        mode: VtdMode.FirstStage,
        hasDeviceTlbs: true,
        pasids: 3);

    private readonly IommuDomain[] _domains;
    private readonly VtdDecoder _decoder;
    private readonly ShadowCommands _commands = new();
    private readonly ShadowCommand[] _stored;
    private readonly ulong _register;
    private ulong _tail;

    public VtdPasidDecoderTests()
    {
        _domains = [_machine.CreateDomain(new DomainOptions()), _machine.CreateDomain(new DomainOptions())];
        for (int number = 0; number < 2; number++)
        {
            _domains[number].Attach(_machine.Driver.Devices[0], number + 1);
        }

        _decoder = new VtdDecoder(_machine, [new VtdSource(Source, 1), new VtdSource(Source, 2)]);
        _ = _decoder.Structures;
        _decoder.Stored(0, 0, 1, _commands);
        _stored = Commands;
        _register = _machine.Model!.Read64(VtdRegister.QueueAddress);
        _tail = _machine.Model.Read64(VtdRegister.QueueTail);
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Each_PASID_has_the_domain_of_its_entry()
    {
        var roots = Commands.Where(command => command.Kind == ShadowCommandKind.StoreRoot).Select(command => command.First);
        roots.ShouldBe(_domains.Select(domain => ((PagingDomain)domain).RootAddress));
        Commands.Count(command => command.Kind == ShadowCommandKind.StoreRoute).ShouldBe(2);
    }

    [Fact]
    public void An_invalidation_by_PASID_drops_what_goes_by_its_domain_and_PASID_together()
    {
        ushort domain = DomainOf(0);
        Ring(VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Selective, domain, 1, 0x4000, 1));
        Commands.ShouldBe([new(ShadowCommandKind.DropTranslationsAndTables, domain, 0x4000, 0x5fff)]);
        Ring(VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Selective, domain, 2, 0x4000, 1));
        Commands.ShouldBeEmpty("the domain is not used by that PASID");
        Ring(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, domain, 0x4000, 1));
        Commands.ShouldBeEmpty("it is for second stages");
    }

    [Fact]
    public void A_PASID_entry_is_dropped_by_its_number()
    {
        Ring(VtdInvalidationDescriptor.InvalidatePasids(DomainOf(1), 2));
        Commands.ShouldBe([new(ShadowCommandKind.DropRoutes, 1, DomainOf(1), DomainOf(1))]);
    }

    [Fact]
    public void A_device_drops_what_it_has_of_the_PASID_that_is_named()
    {
        Ring(VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(Source, 2, 0x8000, 13));
        Commands.ShouldBe([new(ShadowCommandKind.DropDeviceTranslations, 1, 0x8000, 0x9fff)]);
        Ring(VtdInvalidationDescriptor.InvalidateDeviceTlb(Source, 0x8000, 13));
        Commands.ShouldBeEmpty("what comes without a PASID is not looked at");
        Ring(VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(0x0100, 2, 0x8000, 13));
        Commands.ShouldBeEmpty("it is another device's");
        var everyPasid = VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(Source, 0, 0x8000, 13);
        Ring(everyPasid with { Qw1 = everyPasid.Qw1 | 1 });
        Commands.Select(command => command.Subject).ShouldBe([0, 1]);
    }

    private ShadowCommand[] Commands => _commands.All.ToArray();

    private ushort DomainOf(int device) =>
        (ushort)_stored.First(one => one.Kind == ShadowCommandKind.StoreRoute && one.Subject == device).First;

    private void Ring(VtdInvalidationDescriptor descriptor)
    {
        // In scalable mode descriptors have 256 bits.
        var place = _machine.Memory.CpuView.Span((_register & ~0xffful) + _tail, VtdInvalidationDescriptor.WideBytes);
        place.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(place, descriptor.Qw0);
        BinaryPrimitives.WriteUInt64LittleEndian(place[8..], descriptor.Qw1);
        _tail += VtdInvalidationDescriptor.WideBytes;
        _commands.Clear();
        _decoder.Decode(new MaintenanceStep(MaintenanceKind.RegisterWrite, VtdRegister.QueueTail, _tail, default), _commands);
    }
}
