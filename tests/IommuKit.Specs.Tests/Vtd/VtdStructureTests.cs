using IommuKit.Specs.Vtd;

namespace IommuKit.Specs.Tests.Vtd;

/// <summary>Registers and structures taken apart by hand by the VT-d specification, and as Linux and QEMU were seen to have them.</summary>
public sealed class VtdStructureTests
{
    /// <summary>QEMU's CAP in legacy mode: 16 bits of domain, 39 and 48 bits, one record at 0x220, masks up to 18, 2 MiB and 1 GiB.</summary>
    [Fact]
    public void Capabilities_as_QEMU_has_them()
    {
        var capability = VtdUnit.Emulated.Capability;
        capability.DomainIdBits.ShouldBe(16);
        capability.CachingMode.ShouldBeFalse();
        capability.NeedsWriteBufferFlush.ShouldBeFalse();
        capability.MaxGuestWidth.ShouldBe(48);
        (capability.SupportsWidth(1), capability.SupportsWidth(2), capability.SupportsWidth(3)).ShouldBe((true, true, false));
        (capability.SupportsWidth(0), capability.SupportsWidth(4), capability.SupportsWidth(33)).ShouldBe((false, false, false));
        capability.FaultRecordOffset.ShouldBe(0x220u);
        capability.FaultRecords.ShouldBe(1);
        (capability.SecondStage2M, capability.SecondStage1G).ShouldBe((true, true));
        capability.PageSelectiveInvalidation.ShouldBeTrue();
        capability.MaxAddressMask.ShouldBe(18);
        (capability.SetRootTableInvalidates, capability.SetInterruptTableInvalidates).ShouldBe((true, false));
        VtdUnit.EmulatedCachingMode.Capability.CachingMode.ShouldBeTrue();
        VtdUnit.EmulatedCachingMode.Capability.MaxGuestWidth.ShouldBe(39);
        VtdUnit.EmulatedFirstStage.Capability.FirstStage1G.ShouldBeTrue();
    }

    [Fact]
    public void Extended_capabilities_as_QEMU_has_them()
    {
        var extended = VtdUnit.EmulatedFirstStage.ExtendedCapability;
        (extended.IsCoherent, extended.QueuedInvalidation, extended.DeviceTlb, extended.InterruptRemapping).ShouldBe((false, true, false, true));
        (extended.ExtendedInterruptMode, extended.PassThrough, extended.SnoopControl).ShouldBe((false, true, false));
        extended.IotlbRegisterOffset.ShouldBe(0xf0u);
        extended.MaxHandleMask.ShouldBe(15);
        (extended.ScalableMode, extended.FirstStage, extended.SecondStage, extended.Nested).ShouldBe((true, true, false, false));
        (extended.Pasid, extended.PageRequests, extended.RequestPasid).ShouldBe((false, false, false));
    }

    [Fact]
    public void The_presets_are_units_that_can_be()
    {
        VtdUnit.Presets.Select(unit => unit.Name).ShouldBeUnique();
        foreach (var unit in VtdUnit.Presets)
        {
            var (capability, extended) = (unit.Capability, unit.ExtendedCapability);

            // Fault records and IOTLB registers lie behind the other registers and apart from each other.
            uint records = capability.FaultRecordOffset;
            uint end = records + ((uint)capability.FaultRecords * VtdFaultRecord.Bytes);
            uint iotlb = extended.IotlbRegisterOffset;
            (records >= 0x100 && iotlb >= 0xf0 && (iotlb + 16 <= records || iotlb >= end)).ShouldBeTrue(unit.Name);
            unit.RegisterBytes.ShouldBeGreaterThanOrEqualTo(end);
            capability.SupportedWidths.ShouldNotBe(0);
            (capability.MaxGuestWidth is 39 or 48 or 57).ShouldBeTrue(unit.Name);
            (unit.HostAddressBits is >= 39 and <= 52).ShouldBeTrue(unit.Name);
            (extended.ScalableMode || !(extended.FirstStage || extended.SecondStage || extended.Nested || extended.Pasid)).ShouldBeTrue(unit.Name);
        }

        VtdUnit.Server57.ExtendedCapability.PasidBits.ShouldBe(20);
        VtdUnit.Server57NonCoherent.ExtendedCapability.IsCoherent.ShouldBeFalse();
        VtdUnit.ClientNonCoherent.Capability.NeedsWriteBufferFlush.ShouldBeTrue();
    }

    /// <summary>From the public test of QEMU: 0x10011001 / 0x102 is translated by 0x10011000 with 48 bits in domain 1.</summary>
    [Theory]
    [InlineData(0x1001_0001ul, 0x102ul, VtdContextType.Untranslated, 0x1001_0000ul)]
    [InlineData(0x9ul, 0x102ul, VtdContextType.PassThrough, 0ul)]
    public void Context_entries(ulong lower, ulong upper, VtdContextType type, ulong table)
    {
        var entry = new VtdContextEntry(lower, upper);
        (entry.IsPresent, entry.DisablesFaults, entry.HasReservedBits).ShouldBe((true, false, false));
        (entry.Type, entry.SecondStage, entry.Width, entry.DomainId).ShouldBe((type, table, 2, (ushort)1));
        VtdContextEntry.Create(type, table, 2, 1).ShouldBe(entry);
        new VtdContextEntry(lower | 0x10, upper).HasReservedBits.ShouldBeTrue();
        new VtdContextEntry(lower, upper | (1ul << 24)).HasReservedBits.ShouldBeTrue();
        new VtdContextEntry(lower, upper | 0x78).HasReservedBits.ShouldBeFalse();
    }

    [Fact]
    public void Scalable_structures()
    {
        var context = new VtdScalableContextEntry(0x1234_5000 | (3 << 9) | 0x1d, 0x15_4321, 0, 0);
        (context.IsPresent, context.EnablesDeviceTlb, context.EnablesPasid, context.EnablesPageRequests).ShouldBe((true, true, true, true));
        (context.PasidBits, context.Directory, context.RequestPasid, context.IsRequestPrivileged).ShouldBe((16, 0x1234_5000ul, 0x5_4321, true));
        context.HasReservedBits.ShouldBeFalse();
        new VtdScalableContextEntry(1, 0, 0, 1).HasReservedBits.ShouldBeTrue();
        new VtdRootEntry(0x1001, 0x2001).HalfOf(0x7f).ShouldBe(0x1001ul);
        new VtdRootEntry(0x1001, 0x2001).HalfOf(0x80).ShouldBe(0x2001ul);
        var directory = new VtdPasidDirectoryEntry(0x5003);
        (directory.IsPresent, directory.DisablesFaults, directory.Table, directory.HasReservedBits).ShouldBe((true, true, 0x5000ul, false));
        var pasid = new VtdPasidEntry(0x7000 | (3 << 6) | (2 << 2) | 0x200 | 1, 0x1234, 0x9000 | 0xf7);
        (pasid.Type, pasid.Width, pasid.SecondStage, pasid.FirstStage, pasid.DomainId).ShouldBe(
            (VtdPasidType.Nested, 2, 0x7000ul, 0x9000ul, (ushort)0x1234));
        (pasid.EnablesSecondStageAccessedDirty, pasid.EnablesSupervisor, pasid.EnablesExecute, pasid.FirstStageMode).ShouldBe((true, true, true, 1));
        (pasid.ProtectsWrites, pasid.EnablesNoExecute, pasid.PreventsUserExecution, pasid.EnablesExtendedAccessed).ShouldBe((true, true, true, true));
        pasid.HasReservedBits.ShouldBeFalse();
        new VtdPasidEntry(0x401, 0, 0).HasReservedBits.ShouldBeTrue();
    }

    /// <summary>Entries of scalable mode as Linux 7.2 stored them in the recorded boot s-72-sm-fs, but for AW, which the first stage ignores.</summary>
    [Fact]
    public void Scalable_entries_as_a_kernel_stores_them()
    {
        var first = VtdPasidEntry.OfFirstStage(0x3b9_a000, mode: 0, domainId: 7, walksSnoop: false, enablesNoExecute: false);
        first.ShouldBe(new VtdPasidEntry(0x49 & ~0x1cul, 7, 0x3b9_a000));
        (first.Type, first.UsesFirstStage, first.WalksSnoop).ShouldBe((VtdPasidType.FirstStage, true, false));
        var five = VtdPasidEntry.OfFirstStage(0x1000, mode: 1, domainId: 2, walksSnoop: true, enablesNoExecute: true);
        (five.FirstStageMode, five.WalksSnoop, five.EnablesNoExecute, five.HasReservedBits).ShouldBe((1, true, true, false));
        var second = VtdPasidEntry.OfSecondStage(0x5000, 3, 0x1234, walksSnoop: true);
        (second.Type, second.SecondStage, second.Width, second.DomainId, second.Third).ShouldBe(
            (VtdPasidType.SecondStage, 0x5000ul, 3, (ushort)0x1234, 0ul));
        VtdPasidEntry.OfPassThrough(1, walksSnoop: false).ShouldBe(new VtdPasidEntry(0x101, 1, 0));
        VtdScalableContextEntry.Create(0x1234_5000, 3, 0, enablesPasid: true, enablesDeviceTlb: true)
            .ShouldBe(new VtdScalableContextEntry(0x1234_5000 | (3 << 9) | 0xd, 0, 0, 0));
        var fence = VtdInvalidationDescriptor.Fence();
        (fence.Type, fence.IsFence, fence.WritesStatus, fence.RaisesInterrupt, fence.HasReservedBits)
            .ShouldBe((VtdInvalidationType.Wait, true, false, false, false));
    }

    /// <summary>Records as QEMU left them, and as its bytes stand in memory: a read of 374c9cd84c by 28 is 5, of fffffffffffff000 by 30 is
    /// 4.</summary>
    [Theory]
    [InlineData(0x28, 0x37_4c9c_d84cul, VtdFaultReason.WriteNotAllowed, true, 0x37_4c9c_d000ul, 0x8000_0005_0000_0028)]
    [InlineData(0x30, 0xffff_ffff_ffff_f000ul, VtdFaultReason.AddressBeyondWidth, false, 0xffff_ffff_ffff_f000ul, 0xc000_0004_0000_0030)]
    public void Fault_records(ushort source, ulong address, VtdFaultReason reason, bool isWrite, ulong lower, ulong upper)
    {
        var record = VtdFaultRecord.ForMemory(source, address, reason, isWrite);
        record.ShouldBe(new VtdFaultRecord(lower, upper));
        (record.IsFault, record.SourceId, record.Reason, record.IsRead, record.Pasid).ShouldBe((true, source, reason, !isWrite, null));
        VtdFaultRecord.ForMemory(source, address, reason, isWrite, pasid: 0xf_ffff).Pasid.ShouldBe(0xf_ffff);
        VtdFaultRecord.ForInterrupt(source, 0xabcd, VtdFaultReason.InterruptSource).InterruptIndex.ShouldBe((ushort)0xabcd);
    }

    /// <summary>Reasons by the numbers that Linux prints for them.</summary>
    [Theory]
    [InlineData(VtdFaultReason.RequestBlocked, 0x0d)]
    [InlineData(VtdFaultReason.InterruptSource, 0x26)]
    [InlineData(VtdFaultReason.LegacyWithPasid, 0x31)]
    [InlineData(VtdFaultReason.ScalableRootReserved, 0x3a)]
    [InlineData(VtdFaultReason.RequestPasidTooLarge, 0x48)]
    [InlineData(VtdFaultReason.PasidDirectoryReserved, 0x52)]
    [InlineData(VtdFaultReason.SupervisorDisabled, 0x5d)]
    [InlineData(VtdFaultReason.NestedEntryNotWritable, 0x77)]
    [InlineData(VtdFaultReason.ScalableSecondStageRootNotReadable, 0x7b)]
    [InlineData(VtdFaultReason.ScalableInterruptAddress, 0x87)]
    public void Reasons(VtdFaultReason reason, int number) => ((int)reason).ShouldBe(number);

    [Theory]
    [InlineData(0x0003ul | (0x12ul << 32), 0x1000ul, 0x12, 0x1000ul, 0x1ffful, -1, false)]
    [InlineData(0x0003ul | (0x12ul << 32), 0x3001ul, 0x12, 0x0ul, 0x7ffful, -1, false)]
    [InlineData(0x0003ul, 0xffff_ffff_ffff_f001ul, 0, 0ul, ulong.MaxValue, -1, false)]
    [InlineData(0x0003ul, 0x7fff_ffff_ffff_f001ul, 0, 0ul, ulong.MaxValue, -1, false)]
    [InlineData(0x0008ul | (0x12ul << 16) | (7ul << 32), 0x5800ul, 0x12, 0x4000ul, 0x7ffful, 7, false)]
    [InlineData(0x0008ul | (0x12ul << 16) | (7ul << 32), 0x5001ul, 0x12, 0x5000ul, 0x5ffful, 7, true)]
    public void Device_TLB_descriptors(ulong qw0, ulong qw1, int source, ulong first, ulong last, int pasid, bool isGlobal) =>
        new VtdInvalidationDescriptor(qw0, qw1, 0, 0).DeviceTlb.ShouldBe(
            new VtdDeviceTlbInvalidation((ushort)source, first, last, pasid < 0 ? null : pasid, isGlobal));

    /// <summary>As Linux queued them, in the recorded boots.</summary>
    [Theory]
    [InlineData(0x4ul, 0ul)]
    [InlineData(0x10_0000_0014ul, 0ul)]
    [InlineData(0x2_0000_0025ul, 0x222_2004ul)]
    [InlineData(0x2_00e2ul, 0ul)]
    [InlineData(0x7_00f2ul, 0x1040ul)]
    [InlineData(0x6_0036ul, 0x7fff_ffff_8040ul)]
    public void Descriptors_of_Linux_have_no_reserved_bits(ulong qw0, ulong qw1)
    {
        var descriptor = new VtdInvalidationDescriptor(qw0, qw1, 0, 0);
        descriptor.IsDefinedType.ShouldBeTrue();
        descriptor.HasReservedBits.ShouldBeFalse();
        (descriptor with { Qw3 = 1 }).HasReservedBits.ShouldBeTrue();
    }

    [Fact]
    public void Fields_of_waits_contexts_and_interrupts()
    {
        var wait = new VtdInvalidationDescriptor(0x1234_5678_0000_0075, 0x9003, 0, 0);
        (wait.RaisesInterrupt, wait.WritesStatus, wait.IsFence).ShouldBe((true, true, true));
        (wait.StatusData, wait.StatusAddress).ShouldBe((0x1234_5678u, 0x9000ul));
        new VtdInvalidationDescriptor(0x3_0000_0000_0031, 0, 0, 0).FunctionMask.ShouldBe(3);
        var interrupt = new VtdInvalidationDescriptor(0xabcd_2000_0014, 0, 0, 0);
        (interrupt.IsIndexSelective, interrupt.IndexMask, interrupt.InterruptIndex).ShouldBe((true, 4, 0xabcd));
        new VtdInvalidationDescriptor(0x5_0012_1019, 0xaa8, 1, 2).PageGroupResponse.ShouldBe(new VtdPageGroupResponse(0x12, 0x155, 5, 1));
    }

    [Fact]
    public void Interrupts_and_their_messages()
    {
        var interrupt = new VtdInterrupt(0x31, 4, IsLogical: true, HasRedirectionHint: false, IsLevelTriggered: true, 0x12);
        VtdInterrupt.FromMessage(interrupt.MessageAddress, interrupt.MessageData).ShouldBe(interrupt);
        (VtdInterrupt.IsInterruptAddress(0xfee0_0000), VtdInterrupt.IsInterruptAddress(0xfeef_ffff), VtdInterrupt.IsInterruptAddress(0xfef0_0000))
            .ShouldBe((true, true, false));
        VtdInterrupt.IsInterruptAddress(0x1_fee0_0000).ShouldBeFalse();
    }
}
