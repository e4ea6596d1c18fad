using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>Properties of the Tegra fact sheet, by name: P6, P8, P9, P11 and P12: order and completeness of flushes.</summary>
public class TegraOrderPropertyTests : TegraPropertyFixture
{
    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P06_a_table_is_given_back_after_its_pointer_is_flushed_and_read_back(string name, SyncPolicy policy)
    {
        foreach (var release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.WhenCovered])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy, Release = release });
            tenant.Map(Iova, Data, 2 * Section);
            tenant.Flush();
            ulong pointer = EntryAddress(machine, tenant.Domain, Iova, level: 1) & ~((ulong)machine.Soc.AtomBytes - 1);
            long outstanding = machine.Allocator.Outstanding;
            bool isPointerFlushed = false;
            bool isSectionFlushed = false;
            bool isReadBack = false;
            ulong high = 0;
            machine.Filter = step =>
            {
                // Nothing is given back while steps are still to come that make it safe.
                if (!isReadBack)
                {
                    machine.Allocator.Outstanding.ShouldBe(outstanding);
                }

                if (step.Kind == MaintenanceKind.RegisterWrite)
                {
                    high = step.Address == TegraMc.PtcFlushHigh ? step.Value : high;
                    var ptc = new TegraPtcFlush((uint)step.Value);
                    var tlb = new TegraTlbFlush((uint)step.Value);
                    isPointerFlushed |= step.Address == TegraMc.PtcFlush && (!ptc.IsLine || (ptc.AddressLow | (high << 32)) == pointer);
                    isSectionFlushed |= isPointerFlushed && step.Address == TegraMc.TlbFlush
                        && (tlb.Match == TegraTlbFlushMatch.All || (tlb.Match == TegraTlbFlushMatch.Section && tlb.Address == Iova));
                }

                isReadBack |= isSectionFlushed && step.Kind == MaintenanceKind.RegisterRead;
                return false;
            };
            tenant.Unmap(Iova, Section);
            tenant.Flush();
            isReadBack.ShouldBeTrue();
            machine.Allocator.Outstanding.ShouldBe(outstanding - 1);
        }
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P08_a_vacant_neighbour_that_was_cached_needs_both_flushes_on_map(string name)
    {
        foreach (var (left, sees) in (ReadOnlySpan<(uint?, bool)>)[(null, true), (TegraMc.PtcFlush, false), (TegraMc.TlbFlush, false)])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name));
            using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 1);
            tenant.Map(Iova, Data, Page);
            tenant.Touch(Iova).ShouldBeTrue();
            tenant.Touch(Iova + Page).ShouldBeFalse();
            machine.Filter = step => step.Kind == MaintenanceKind.RegisterWrite && step.Address == left;
            tenant.Map(Iova + Page, Data + Page, Page);
            tenant.Sees(Iova + Page).ShouldBe(sees, $"left out: {left:x}");
        }
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P09_the_tlb_flushed_before_the_ptc_refills_from_what_is_stale(string name)
    {
        foreach (bool isReversed in (bool[])[false, true])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), new MachineSettings { HasImmediateWrites = true });
            using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 1);
            tenant.Map(Iova, Data, Page);
            tenant.Touch(Iova).ShouldBeTrue();
            var held = new List<MaintenanceStep>();
            machine.Filter = step =>
            {
                // A device is busy all the time, except that faults do not make more of them while they are handled.
                if (step.Purpose != RegisterPurpose.Fault)
                {
                    tenant.Touch(Iova);
                }

                if (isReversed && step.Kind == MaintenanceKind.RegisterWrite && step.Address is TegraMc.PtcFlush or TegraMc.PtcFlushHigh)
                {
                    held.Add(step);
                    return true;
                }

                if (step.Kind == MaintenanceKind.RegisterRead)
                {
                    held.ForEach(late => machine.Model!.Write32((uint)late.Address, (uint)late.Value));
                    held.Clear();
                }

                return false;
            };
            tenant.Unmap(Iova, Page);
            tenant.Sees(Iova).ShouldBe(!isReversed);
        }
    }

    [Theory]
    [InlineData("tegra124")]
    [InlineData("tegra210")]
    public void P11_two_domains_do_not_break_each_others_two_word_flushes(string name)
    {
        // The pool crosses a boundary of 4 GiB, so that the two domains' tables need different first halves.
        var soc = Cases.Soc(name);
        using var machine = TegraMachine.Create(soc, tablePoolStart: 0x2_0000_0000 - (2 * Page));
        var options = new DomainOptions { Policy = SyncPolicy.Gather, Release = TableRelease.Never };
        using var low = new Tenant(machine, "hc", options);
        low.Map(Iova, Data, Page);
        using var high = new Tenant(machine, "avpc", options);
        high.Map(Iova, Data + (512 * Page), Page);
        (EntryAddress(machine, low.Domain, Iova) >> 32).ShouldBe(1ul);
        (EntryAddress(machine, high.Domain, Iova) >> 32).ShouldBe(2ul);

        int owner = 0;
        int broken = 0;
        machine.Filter = step =>
        {
            if (step.Kind == MaintenanceKind.RegisterWrite)
            {
                int thread = Environment.CurrentManagedThreadId;
                if (step.Address == TegraMc.PtcFlushHigh)
                {
                    broken += Interlocked.Exchange(ref owner, thread) == 0 ? 0 : 1;
                    Thread.SpinWait(20);
                }
                else if (step.Address == TegraMc.PtcFlush)
                {
                    broken += Interlocked.Exchange(ref owner, 0) == thread ? 0 : 1;
                }
            }

            return false;
        };
        Parallel.ForEach((Tenant[])[low, high], tenant =>
        {
            // Pages of its own: the devices write into what they see, to find out where it is.
            ulong data = Data + (tenant == high ? 2000 * Page : 0);
            for (ulong i = 1; i < 1500; i++)
            {
                ulong iova = Iova + (i % 900 * Page);
                tenant.Touch(iova + Page);
                tenant.Map(iova + Page, data + (i * Page), Page);
                tenant.ShouldSee(iova + Page);
                tenant.Unmap(iova + Page, Page);
                tenant.ShouldSee(iova + Page);
            }
        });
        broken.ShouldBe(0);
        machine.Filter = null;
    }

    [Fact]
    public void P11_interleaved_halves_flush_the_wrong_line()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210, tablePoolStart: 0x1_8000_0000);
        using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 1);
        tenant.Map(Iova, Data, Page);
        tenant.Touch(Iova).ShouldBeTrue();
        machine.Filter = step =>
        {
            if (step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.PtcFlush)
            {
                // Another domain's first half comes between.
                machine.Model!.Write32(TegraMc.PtcFlushHigh, 2);
            }

            return false;
        };
        tenant.Unmap(Iova, Page);
        tenant.Sees(Iova).ShouldBeFalse();
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P12_on_both_sides_of_the_threshold_the_outcome_is_the_same(string name)
    {
        foreach (ulong pages in (ulong[])[15, 16, 17, 1024, 1100])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = SyncPolicy.Gather, FlushAllPages = 16 });
            using var other = new Tenant(machine, "avpc", new DomainOptions { Policy = SyncPolicy.Gather });
            other.Map(Iova, Data + (5000 * Page), 4 * Page);
            tenant.Touch(Iova);
            var recorder = FlushRecorder.Attach(machine);
            tenant.Map(Iova, Data, pages * Page);
            (recorder.PtcLines.Count == 0).ShouldBe(pages >= 16);
            tenant.ShouldSeeAround(Iova, pages * Page);
            recorder.Clear();
            long outstanding = machine.Allocator.Outstanding;
            machine.Filter = step =>
            {
                machine.Allocator.Outstanding.ShouldBe(outstanding);
                return false;
            };
            tenant.Unmap(Iova, pages * Page);
            machine.Filter = null;
            machine.Allocator.Outstanding.ShouldBeLessThan(outstanding);
            tenant.ShouldSeeAround(Iova, pages * Page);
            other.ShouldSeeAround(Iova, 4 * Page);
        }
    }
}
