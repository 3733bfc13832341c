//! The reading order as PDF has it: a tree of tags, and an outline of the headings.

use std::num::NonZeroU16;

use krilla::destination::XyzDestination;
use krilla::geom::{Point, Rect};
use krilla::outline::{Outline, OutlineNode};
use krilla::tagging::{BBox, Identifier, Node, TableHeaderScope, Tag, TagGroup, TagKind, TagTree};

use crate::page::LEFT;
use crate::reading::{Element, Kind};

/// The tree of all elements. `marked` holds, for each element, the pieces of pages that it consists of.
pub(crate) fn tree(elements: &[Element], marked: &[Vec<Identifier>], language: &str) -> TagTree {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); elements.len()];
    let mut roots = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        element.within.map_or(&mut roots, |outer| &mut children[outer]).push(index);
    }
    let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
    roots.into_iter().for_each(|root| tree.push(group(root, elements, &children, marked)));
    tree
}

fn group(index: usize, elements: &[Element], children: &[Vec<usize>], marked: &[Vec<Identifier>]) -> TagGroup {
    let pieces = marked[index].iter().map(|identifier| Node::Leaf(*identifier));
    let inside = children[index].iter().map(|child| Node::Group(group(*child, elements, children, marked)));
    TagGroup::with_children(tag(&elements[index]), pieces.chain(inside).collect())
}

fn tag(element: &Element) -> TagKind {
    match &element.kind {
        Kind::Heading(level, title) => {
            Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into()
        }
        Kind::Paragraph => Tag::P.into(),
        Kind::Table => Tag::Table.into(),
        Kind::TableHead => Tag::THead.into(),
        Kind::TableBody => Tag::TBody.into(),
        Kind::Row => Tag::TR.into(),
        Kind::ColumnHeader => Tag::TH(TableHeaderScope::Column).into(),
        Kind::RowHeader => Tag::TH(TableHeaderScope::Row).into(),
        Kind::Cell => Tag::TD.into(),
        Kind::Figure(shows, [x, y, width, height]) => {
            let frame = Rect::from_xywh(*x, *y, *width, *height).map(|rect| BBox::new(element.page, rect));
            Tag::Figure(Some(shows.clone())).with_bbox(frame).into()
        }
    }
}

/// The headings, to jump to: those of the second level under the title.
pub(crate) fn outline(elements: &[Element]) -> Outline {
    let mut top: Vec<OutlineNode> = Vec::new();
    for element in elements {
        let Kind::Heading(level, title) = &element.kind else { continue };
        let node = OutlineNode::new(title.clone(), XyzDestination::new(element.page, Point::from_xy(LEFT, element.y)));
        match top.last_mut() {
            Some(title) if *level > 1 => title.push_child(node),
            _ => top.push(node),
        }
    }
    let mut outline = Outline::new();
    top.into_iter().for_each(|node| outline.push_child(node));
    outline
}
