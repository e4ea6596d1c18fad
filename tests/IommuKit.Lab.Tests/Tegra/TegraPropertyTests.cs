using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.Models.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>The properties P1 to P15 of the Tegra fact sheet, by name.</summary>
public class TegraPropertyTests
{
    private const ulong Page = 4096;
    private const ulong Section = 4 << 20;
    private const ulong Iova = 0x4000_0000;
    private const ulong Data = 0x1000_0000;

    public static TheoryData<string> Socs => Cases.Socs;

    public static TheoryData<string, SyncPolicy> SocsAndPolicies => Cases.SocsAndPolicies;

    private static Arbitrary<(int First, int Count)> Runs =>
        (from first in Gen.Choose(0, 1023)
         from count in Gen.OneOf(Gen.Elements(1, 3, 4, 5, 7, 8, 9, 15, 16, 17), Gen.Choose(1, 2500))
         select (first, count)).ToArbitrary();

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P01_flushed_ptc_lines_are_exactly_the_lines_of_the_changed_entries(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
        using var tenant = MakeWithTables(machine, policy, 4);
        var recorder = FlushRecorder.Attach(machine);
        Verify(Runs, run =>
        {
            var lines = new SortedSet<ulong>(Enumerable.Range(run.First, run.Count).Select(
                page => EntryAddress(machine, tenant.Domain, Iova + ((ulong)page * Page)) & ~((ulong)machine.Soc.AtomBytes - 1)));
            foreach (bool isMap in (bool[])[true, false])
            {
                recorder.Clear();
                MapOrUnmap(tenant, isMap, run);
                if (policy == SyncPolicy.Deferred && !isMap)
                {
                    // The queue is drained by one flush of everything.
                    recorder.PtcLines.ShouldBeEmpty();
                    continue;
                }

                new SortedSet<ulong>(recorder.PtcLines).ShouldBe(lines);
                if (policy != SyncPolicy.PerPage)
                {
                    recorder.PtcLines.Count.ShouldBe(lines.Count);
                }
            }
        });
    }

    [Theory]
    [InlineData("tegra30", 16, 16)]
    [InlineData("tegra114", 16, 16)]
    [InlineData("tegra124", 16, 16)]
    [InlineData("tegra124", 16, 32)]
    [InlineData("tegra124", 32, 32)]
    [InlineData("tegra210", 16, 64)]
    [InlineData("tegra210", 32, 32)]
    [InlineData("tegra210", 32, 64)]
    public void P02_flushed_tlb_groups_are_exactly_those_of_the_range_when_the_step_is_no_larger_than_the_group(string name, int stepKiB, int groupKiB)
    {
        int group = groupKiB << 10;
        using var machine = TegraMachine.Create(
            Cases.Soc(name), new MachineSettings { TlbStep = stepKiB << 10 }, new TegraModelOptions { TlbGroupBytes = group });
        using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 4);
        var recorder = FlushRecorder.Attach(machine);
        Verify(Runs, run =>
        {
            ulong first = Iova + ((ulong)run.First * Page);
            ulong last = first + ((ulong)run.Count * Page) - 1;
            var expected = new SortedSet<ulong>();
            for (ulong start = first & ~((ulong)group - 1); start <= last; start += (ulong)group)
            {
                expected.Add(start);
            }

            foreach (bool isMap in (bool[])[true, false])
            {
                foreach (ulong page in (ulong[])[first, last])
                {
                    tenant.Touch(page);
                }

                recorder.Clear();
                MapOrUnmap(tenant, isMap, run);
                recorder.Groups(group).ShouldBe(expected);
                tenant.ShouldSeeAround(first, last - first + 1);
            }
        });
    }

    [Fact]
    public void P02_a_step_larger_than_the_group_leaves_stale_translations()
    {
        using var machine = TegraMachine.Create(
            TegraSoc.Tegra210, new MachineSettings { TlbStep = 32 << 10 }, new TegraModelOptions { TlbGroupBytes = 16 << 10 });
        using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 1);
        tenant.Map(Iova, Data, 16 * Page);
        foreach (ulong page in Tenant.Range(Iova, 16 * Page))
        {
            tenant.Touch(page);
        }

        tenant.Unmap(Iova, 16 * Page);
        tenant.Sees(Iova).ShouldBeTrue();
        tenant.Sees(Iova + (4 * Page)).ShouldBeFalse();
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P03_ranges_may_cross_tables(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        foreach (var (iova, size) in (ReadOnlySpan<(ulong, ulong)>)
        [
            (Iova + Section - Page, 2 * Page),
            (Iova + Section - Page, (2 * Section) + (2 * Page)),
            (Iova, 3 * Section),
            (Iova + (5 * Page), Section),
        ])
        {
            for (ulong page = iova; page < iova + size; page += 37 * Page)
            {
                tenant.Touch(page);
            }

            tenant.Map(iova, Data, size);
            tenant.ShouldSeeAround(iova, size);
            tenant.Unmap(iova, size);
            tenant.ShouldSeeAround(iova, size);
            tenant.Flush();
            tenant.ShouldSeeAround(iova, size);
        }

        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P04_ranges_may_have_holes(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        tenant.Map(Iova, Data, 3 * Page);
        tenant.Map(Iova + (5 * Page), Data, 3 * Page);

        // A whole table is missing between.
        tenant.Map(Iova + (2 * Section), Data, 3 * Page);
        tenant.Flush();
        var before = machine.Counts;
        tenant.Unmap(Iova, 3 * Section);
        tenant.ShouldSeeAround(Iova, 20 * Page);
        tenant.Unmap(Iova + (3 * Page), 3 * Section);
        (machine.Counts - before).EntriesStored.ShouldBe(3);
        tenant.ShouldSee(Iova + (5 * Page));
        tenant.Unmap(Iova + Section, 2 * Section);
        tenant.Unmap(Iova + (5 * Page), 3 * Section);
        tenant.Flush();
        tenant.ShouldSeeAround(Iova, 20 * Page);
        tenant.ShouldSee(Iova + (2 * Section));
        tenant.Unmap(Iova + (2 * Section), 3 * Page);
        tenant.Flush();

        // The counts stayed exact: nothing is left but the directory.
        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P05_unmap_and_map_before_the_flush_and_the_other_way_round(string name)
    {
        foreach (var release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.Never, TableRelease.WhenCovered])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = SyncPolicy.Explicit, Release = release });
            tenant.Map(Iova, Data, 4 * Page);
            tenant.Flush();
            tenant.Touch(Iova).ShouldBeTrue();

            tenant.Unmap(Iova, 4 * Page);
            tenant.Map(Iova, Data + (100 * Page), 2 * Page);
            tenant.ShouldSeeAround(Iova, 4 * Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova, 4 * Page);

            tenant.Touch(Iova + (8 * Page)).ShouldBeFalse();
            tenant.Map(Iova + (8 * Page), Data, Page);
            tenant.Unmap(Iova + (8 * Page), Page);
            tenant.Map(Iova + (8 * Page), Data + Page, Page);
            tenant.Unmap(Iova + (8 * Page), Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova, 9 * Page);
            tenant.Unmap(Iova, 2 * Page);
            tenant.Flush();
            if (release == TableRelease.WhenEmpty)
            {
                machine.Allocator.Outstanding.ShouldBe(1);
            }
        }
    }

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
    [MemberData(nameof(SocsAndPolicies))]
    public void P07_the_last_page_of_a_run_is_flushed(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = MakeWithTables(machine, policy, 2);
        foreach (int count in (int[])[1, 4, 5, 8, 9, 16, 17, 1024, 1025])
        {
            // The last page is alone in its line and its group.
            ulong size = (ulong)count * Page;
            ulong iova = Iova + (32 * Page) + Page - size % (32 * Page);
            ulong last = iova + size - Page;
            tenant.Touch(last).ShouldBeFalse();
            tenant.Map(iova, Data, size);
            tenant.Flush();
            tenant.ShouldSee(last);
            tenant.Unmap(iova, size);
            tenant.Flush();
            tenant.ShouldSee(last);
        }

        // The very last page of the address space.
        const ulong end = (1ul << 32) - Page;
        tenant.Touch(end).ShouldBeFalse();
        tenant.Map(end, Data, Page);
        tenant.Flush();
        tenant.ShouldSee(end);
        tenant.Unmap(end, Page);
        tenant.Flush();
        tenant.ShouldSee(end);
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
    [MemberData(nameof(SocsAndPolicies))]
    public void P10_address_spaces_are_kept_apart_and_reused_cleanly(string name, SyncPolicy policy)
    {
        var soc = Cases.Soc(name);
        using var machine = TegraMachine.Create(soc);
        using var first = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        using var second = new Tenant(machine, "avpc", new DomainOptions { Policy = policy });
        first.Map(Iova, Data, 4 * Page);
        second.Map(Iova, Data + (64 * Page), 4 * Page);
        first.Flush();
        second.Flush();
        first.ShouldSee(Iova);
        second.ShouldSee(Iova);

        // A flush for one leaves what the other has cached alone.
        long misses = machine.Caches.TlbMisses;
        first.Unmap(Iova, Page);
        if (policy != SyncPolicy.Deferred)
        {
            first.Flush();
        }

        second.Touch(Iova).ShouldBeTrue();
        machine.Caches.TlbMisses.ShouldBe(misses);

        // A third domain gets the address space that the second gives up.
        second.Domain.Detach(second.Device);
        using var third = new Tenant(machine, "hda", new DomainOptions { Policy = policy });
        third.ShouldSeeAround(Iova, 4 * Page);
        third.Touch(Iova).ShouldBeFalse();
        third.Map(Iova, Data + (128 * Page), Page);
        third.Flush();
        third.ShouldSeeAround(Iova, 4 * Page);
        first.ShouldSeeAround(Iova, 4 * Page);
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
            for (ulong i = 1; i < 1500; i++)
            {
                ulong iova = Iova + (i % 900 * Page);
                tenant.Touch(iova + Page);
                tenant.Map(iova + Page, Data + (i * Page), Page);
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

    [Theory]
    [MemberData(nameof(Socs))]
    public void P13_a_directory_in_recycled_memory_is_not_read_from_stale_lines(string name)
    {
        foreach (bool isFlushed in (bool[])[true, false])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions());

            // The walker has read, as a page table, memory that will be a directory, and its lines are still there.
            tenant.Map(Iova, Data, Page);
            ulong table = EntryAddress(machine, tenant.Domain, Iova) & ~(Page - 1);
            tenant.Unmap(Iova, Page);
            FillPtc(machine, tenant, table);

            using var domain = machine.CreateDomain(new DomainOptions());
            domain.RootAddress.ShouldBe(table);
            domain.Map(Iova, Data, Page, Protection.Read | Protection.Write);
            var device = machine.Driver.GetDevice("avpc");
            machine.Filter = step => !isFlushed && step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.PtcFlush;
            domain.Attach(device);
            machine.Filter = null;
            machine.CreateDma(device).Read(Iova, new byte[8]).IsComplete.ShouldBe(isFlushed);
        }
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P14_a_mapping_without_rights_is_there_and_lets_nothing_through(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        tenant.Map(Iova, Data, 2 * Page, Protection.None);
        tenant.Flush();
        tenant.Domain.IovaToPhysical(Iova + Page).ShouldBe(Data + Page);
        tenant.ShouldSeeAround(Iova, 2 * Page);
        tenant.Touch(Iova).ShouldBeFalse();
        tenant.Domain.TryMap(Iova, Data, Page, Protection.Read).ShouldBe(IommuError.EEXIST);
        tenant.Unmap(Iova, 2 * Page);
        tenant.Flush();
        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P15_sections_and_tables_replace_each_other(string name, SyncPolicy policy)
    {
        foreach (var release in Enum.GetValues<TableRelease>())
        {
            using var machine = TegraMachine.Create(
                Cases.Soc(name), new MachineSettings { UsesSections = true }, tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy, Release = release });
            for (int round = 0; round < 3; round++)
            {
                // Pages, then a section in their place, then pages again; neighbours are cached all the time.
                foreach (ulong address in (ulong[])[Data + Page, Data, Data + (3 * Page)])
                {
                    tenant.Touch(Iova + (7 * Page));
                    tenant.Map(Iova, address, Section);
                    tenant.Flush();
                    tenant.Domain.TryFind(Iova, out var mapping).ShouldBeTrue();
                    mapping.PageLog2.ShouldBe(address == Data ? 22 : 12);
                    tenant.ShouldSeeAround(Iova, Section);
                    tenant.Unmap(Iova, Section);
                    tenant.Flush();
                    tenant.ShouldSeeAround(Iova, Section);
                }
            }

            // The tables' memory is used again elsewhere, and read through what lines of it are still cached.
            tenant.Map(Iova + (8 * Section), Data + Page, 16 * Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova + (8 * Section), 64 * Page);
        }
    }

    private static void Verify<T>(Arbitrary<T> arbitrary, Action<T> check) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(arbitrary, check));

    private static void MapOrUnmap(Tenant tenant, bool isMap, (int First, int Count) run)
    {
        ulong iova = Iova + ((ulong)run.First * Page);
        ulong size = (ulong)run.Count * Page;
        if (isMap)
        {
            tenant.Map(iova, Data, size);
        }
        else
        {
            tenant.Unmap(iova, size);
        }

        tenant.Flush();
    }

    /// <summary>A domain whose first tables exist and stay, so that only leaves change.</summary>
    private static Tenant MakeWithTables(TegraMachine machine, SyncPolicy policy, int tables)
    {
        var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy, Release = TableRelease.Never });
        tenant.Map(Iova, Data, (ulong)tables * Section);
        tenant.Unmap(Iova, (ulong)tables * Section);
        tenant.Flush();
        return tenant;
    }

    /// <summary>Where the entry for an IOVA lies, by a walk of its own.</summary>
    private static ulong EntryAddress(TegraMachine machine, IommuDomain domain, ulong iova, int level = 0)
    {
        ulong pointer = domain.RootAddress + ((iova >> 22) * 4);
        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4));
        return level == 1 ? pointer : ((ulong)(entry & 0x3f_ffff) << 12) + ((iova >> 12 & 0x3ff) * 4);
    }

    /// <summary>Has the walker read all of some memory as a page table, by pointing a directory entry at it for a while.</summary>
    private static void FillPtc(TegraMachine machine, Tenant tenant, ulong table)
    {
        ulong pointer = EntryAddress(machine, tenant.Domain, 0x8000_0000, level: 1);
        BinaryPrimitives.WriteUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4), 0xf000_0000u | (uint)(table >> 12));
        machine.Memory.WriteBack(pointer, 4);
        foreach (ulong page in Tenant.Range(0x8000_0000, 1024 * Page))
        {
            tenant.Touch(page);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4), 0);
        machine.Memory.WriteBack(pointer, 4);
    }
}
